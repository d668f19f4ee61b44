// The only file that includes yaml-cpp. It listens to the parser's events rather than walking
// YAML::Node, because only the events show every key (Node hides duplicates), every tag and every
// mark.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <map>
#include <set>
#include <streambuf>
#include <string>

#include "config/scalar.hpp"
#include "config/text_tree.hpp"

namespace holdfast::config {
namespace {

/// Ends parsing early; what was wrong is already in the diagnostics.
struct Stop {};

/// A read-only stream buffer over bytes that someone else owns.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // setg wants char*; nothing is written
    setg(begin, begin, begin + text.size());
  }
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::uint32_t input, const Env& env, Diagnostics& diagnostics)
      : input_(input), env_(env), diagnostics_(diagnostics) {}

  [[nodiscard]] std::optional<Value> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!root_) return;
    diagnostics_.error(at(mark), "a second YAML document; the configuration must be one document");
    throw Stop{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Value value;
    value.location = at(mark);
    complete(std::move(value), anchor, 1, std::string());
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Value value;
    value.location = at(mark);
    const bool key = expects_key();
    if (key && tag == "!ignore") {
      stack_.back().ignore_next = true;
    } else {
      check_tag(tag, mark);
    }
    if (key) {
      value.kind = Value::Kind::string;
      value.text = text;
    } else if (tag == "!") {
      value.kind = Value::Kind::string;
      value.text = expand_variables(text, env_, value.location, diagnostics_);
    } else {
      type_plain_scalar(expand_variables(text, env_, value.location, diagnostics_), value,
                        diagnostics_);
    }
    complete(std::move(value), anchor, 1, text);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      diagnostics_.error(at(mark), "an alias inside the value that it stands for");
      throw Stop{};
    }
    Value copy = found->second.value;
    if (expects_key() && copy.kind != Value::Kind::string) copy.text = found->second.raw;
    complete(std::move(copy), YAML::NullAnchor, found->second.values, found->second.raw);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] Location at(const YAML::Mark& mark) const {
    if (mark.is_null()) return {0, 0, input_};
    return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1,
            input_};
  }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::size_t values = 1;
    std::optional<Value> key;  ///< Of a mapping: read, its value to come.
    bool ignore_next = false;  ///< The value of a key tagged !ignore is dropped.
    std::set<std::string, std::less<>> keys;
  };
  struct Anchored {
    Value value;
    std::size_t values;
    std::string raw;  ///< A scalar's own spelling, for its use as a key.
  };

  [[nodiscard]] bool expects_key() const {
    return !stack_.empty() && stack_.back().value.kind == Value::Kind::mapping &&
           !stack_.back().key;
  }

  void check_tag(const std::string& tag, const YAML::Mark& mark) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    diagnostics_.error(at(mark), "tag \"" + tag + "\": Envoy gives tags no meaning, so remove it" +
                                     " (quote a scalar to make it a string)");
  }

  void open(Value::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    check_tag(tag, mark);
    if (stack_.size() >= kMaxDepth) {
      diagnostics_.error(at(mark), "nested deeper than " + std::to_string(kMaxDepth) + " levels");
      throw Stop{};
    }
    stack_.emplace_back();
    stack_.back().value.kind = kind;
    stack_.back().value.location = at(mark);
    stack_.back().anchor = anchor;
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    complete(std::move(frame.value), frame.anchor, frame.values, std::string());
  }

  void complete(Value value, YAML::anchor_t anchor, std::size_t values, const std::string& raw) {
    total_ += anchor == YAML::NullAnchor ? values : values + values;  // an anchor keeps a copy
    if (total_ > kMaxValues) {
      diagnostics_.error(value.location, "more than " + std::to_string(kMaxValues) +
                                             " values (aliases counted where they are used)");
      throw Stop{};
    }
    if (anchor != YAML::NullAnchor) anchors_.insert_or_assign(anchor, Anchored{value, values, raw});
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& parent = stack_.back();
    parent.values += values;
    if (parent.value.kind == Value::Kind::sequence) {
      parent.value.items.push_back(std::move(value));
    } else if (!parent.key) {
      if (value.kind == Value::Kind::sequence || value.kind == Value::Kind::mapping) {
        diagnostics_.error(value.location, "a key must be a plain or quoted scalar, not " +
                                               std::string(kind_name(value.kind)));
        throw Stop{};
      }
      parent.key = std::move(value);
    } else {
      const Value key = std::move(*parent.key);
      parent.key.reset();
      add_entry(parent, key, std::move(value));
    }
  }

  void add_entry(Frame& parent, const Value& key, Value value) {
    if (std::exchange(parent.ignore_next, false)) return;
    // yaml-cpp marks an absent value where the next token stands, which may be lines away.
    if (value.kind == Value::Kind::null) value.location = key.location;
    if (!parent.keys.insert(key.text).second) {
      diagnostics_.error(key.location, "duplicate key \"" + key.text + "\"");
      return;
    }
    parent.value.entries.push_back({key.text, key.location, std::move(value)});
  }

  const std::uint32_t input_;
  const Env& env_;
  Diagnostics& diagnostics_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::optional<Value> root_;
  std::size_t total_ = 0;
};

}  // namespace

std::optional<Value> read_yaml(std::string_view text, std::uint32_t input, const Env& env,
                               Diagnostics& diagnostics) {
  if (!check_text(text, input, diagnostics)) return std::nullopt;
  TreeBuilder builder(input, env, diagnostics);
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    diagnostics.error(builder.at(error.mark), "YAML: " + error.msg);
    return std::nullopt;
  }
  return builder.take();
}

}  // namespace holdfast::config
