#include "stats/tag_extractor.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <optional>

namespace holdfast::stats {

namespace {

/// A part of the name to take out.
struct Cut {
  std::size_t begin = 0;
  std::size_t end = 0;
};

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// Envoy's regex for a listener's address: [_.[:digit:]]* or [_\[\]aAbBcCdDeEfF[:digit:]]*.
bool address_char(unsigned char c) {
  return std::isxdigit(c) != 0 || c == '_' || c == '.' || c == '[' || c == ']';
}

class Extraction {
 public:
  explicit Extraction(std::string_view name) : name_(name) {}

  void cut(std::size_t begin, std::size_t end) { cuts_.push_back({begin, end}); }
  void tag(std::string name, std::string_view value) {
    tags_.emplace_back(std::move(name), std::string(value));
  }

  /// "_200" at the end of "..._rq_200"; "2" of "..._rq_2xx".
  void response_code() {
    const std::size_t at = name_.rfind("_rq_");
    if (at == std::string_view::npos) return;
    const std::string_view rest = name_.substr(at + 4);
    if (rest.size() == 3 && digits(rest)) {
      tag("envoy.response_code", rest);
      cut(at + 3, name_.size());
    } else if (rest.size() == 3 && digits(rest.substr(0, 1)) && rest.substr(1) == "xx") {
      tag("envoy.response_code_class", rest.substr(0, 1));
      cut(at + 4, at + 5);
    }
  }

  /// "listener.127.0.0.1_80.worker_0.": called before the user's tags, as Envoy orders them.
  void worker() {
    const std::size_t at = name_.find(".worker_");
    if (!name_.starts_with("listener.") || at == std::string_view::npos) return;
    const std::size_t begin = at + 8;
    const std::size_t end = name_.find('.', begin);
    if (end == std::string_view::npos || !digits(name_.substr(begin, end - begin))) return;
    tag("envoy.worker_id", name_.substr(begin, end - begin));
    cut(begin - 1, end);
  }

  /// "<scope>.<value>." anywhere: takes "<value>." out. Envoy's values end at the first dot.
  void token_after(std::size_t begin, std::string tag_name) {
    const std::size_t end = name_.find('.', begin);
    if (end == std::string_view::npos) return;
    tag(std::move(tag_name), name_.substr(begin, end - begin));
    cut(begin, end + 1);
  }

  void scope() {
    if (name_.starts_with("cluster.")) {
      token_after(8, "envoy.cluster_name");
    } else if (name_.starts_with("http.")) {
      token_after(5, "envoy.http_conn_manager_prefix");
    } else if (name_.starts_with("listener.")) {
      listener();
    }
  }

  TagExtractor::Result finish() && {
    std::sort(cuts_.begin(), cuts_.end(),
              [](const Cut& a, const Cut& b) { return a.begin < b.begin; });
    TagExtractor::Result result;
    std::size_t at = 0;
    for (const Cut& cut : cuts_) {
      if (cut.begin > at) result.name.append(name_.substr(at, cut.begin - at));
      at = std::max(at, cut.end);
    }
    result.name.append(name_.substr(at));
    result.tags = std::move(tags_);
    return result;
  }

 private:
  void listener() {
    constexpr std::size_t kBegin = 9;
    const std::size_t port =
        name_.find('_', name_.find(']') == std::string_view::npos ? kBegin : name_.find(']'));
    const std::size_t end = name_.find('.', port == std::string_view::npos ? kBegin : port);
    if (end == std::string_view::npos) return;
    const std::string_view address = name_.substr(kBegin, end - kBegin);
    if (!std::all_of(address.begin(), address.end(), address_char)) return;
    if (name_.substr(end + 1).starts_with("http.")) {
      token_after(end + 6, "envoy.http_conn_manager_prefix");
    }
    tag("envoy.listener_address", address);
    cut(kBegin, end + 1);
  }

  std::string_view name_;
  std::vector<Cut> cuts_;
  Labels tags_;
};

}  // namespace

struct TagExtractor::Custom {
  std::string name;
  std::string fixed_value;
  std::string prefix;  ///< "cluster" for "^cluster\\.": such tags come after the built-in ones.
  std::unique_ptr<RE2> regex;
};

TagExtractor::TagExtractor() = default;
TagExtractor::~TagExtractor() = default;

bool TagExtractor::set_custom(std::span<const config::StatsTag> tags, std::string& error) {
  std::vector<Custom> compiled;
  for (const config::StatsTag& tag : tags) {
    Custom custom{tag.name, tag.fixed_value, {}, nullptr};
    if (!tag.regex.empty()) {
      RE2::Options options;
      options.set_log_errors(false);
      custom.regex = std::make_unique<RE2>(tag.regex, options);
      if (!custom.regex->ok()) {
        error = "stats tag \"" + tag.name + "\": " + custom.regex->error();
        return false;
      }
      RE2::FullMatch(tag.regex, R"(\^([A-Za-z0-9_]+)\\\..*)", &custom.prefix);
    }
    compiled.push_back(std::move(custom));
  }
  custom_ = std::move(compiled);
  return true;
}

TagExtractor::Result TagExtractor::extract(std::string_view name) const {
  Extraction extraction(name);
  const auto apply = [&](const Custom& custom) {
    if (!custom.regex) {
      extraction.tag(custom.name, custom.fixed_value);
      return;
    }
    const int groups = std::min(custom.regex->NumberOfCapturingGroups(), 2);
    re2::StringPiece match[3];
    if (groups < 1 || !custom.regex->Match(name, 0, name.size(), RE2::UNANCHORED, match, 3)) return;
    // The first group goes from the name; the second, if there is one, is the value.
    const re2::StringPiece& value = groups == 2 ? match[2] : match[1];
    if (match[1].data() == nullptr || value.data() == nullptr) return;
    const auto begin = static_cast<std::size_t>(match[1].data() - name.data());
    extraction.tag(custom.name, {value.data(), value.size()});
    extraction.cut(begin, begin + match[1].size());
  };
  extraction.response_code();
  extraction.worker();
  for (const Custom& custom : custom_) {
    if (custom.prefix.empty()) apply(custom);
  }
  extraction.scope();
  for (const Custom& custom : custom_) {
    if (!custom.prefix.empty()) apply(custom);
  }
  return std::move(extraction).finish();
}

}  // namespace holdfast::stats
