// How libFuzzer changes configuration files: by lines and their indentation, where YAML's structure
// is; half of the time byte by byte and with its dictionary of field names, as everywhere else.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed);

namespace {

using Lines = std::vector<std::string>;

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

std::size_t indent(const std::string& line) {
  return std::min(line.find_first_not_of(" -"), line.size());
}

/// The line at `at` and those below it that are indented deeper.
std::size_t block_end(const Lines& lines, std::size_t at) {
  std::size_t end = at + 1;
  while (end < lines.size() && indent(lines[end]) > indent(lines[at])) ++end;
  return end;
}

class Mutation {
 public:
  Mutation(Lines& lines, unsigned seed) : lines_(lines), random_(seed) {}

  void apply() {
    const std::size_t at = pick(lines_.size());
    const auto line = lines_.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t end = block_end(lines_, at);
    const auto last = lines_.begin() + static_cast<std::ptrdiff_t>(end);
    switch (pick(7)) {
      case 0:
        lines_.erase(line, last);
        return;
      case 1:
        copy(Lines(line, last));
        return;
      case 2: {
        Lines block(line, last);
        lines_.erase(line, last);
        copy(std::move(block));
        return;
      }
      case 3:
        for (std::size_t i = at; i < end; ++i) shift(lines_[i]);
        return;
      case 4:
        std::swap(*line, lines_[pick(lines_.size())]);
        return;
      case 5:
        take_value(*line, lines_[pick(lines_.size())]);
        return;
      default:
        take_value(*line, ": " + std::string(scalar()) + "\n");
    }
  }

 private:
  std::size_t pick(std::size_t count) { return random_() % std::max<std::size_t>(count, 1); }

  void copy(Lines block) {
    const std::size_t at = pick(lines_.size() + 1);
    const std::size_t from = indent(block.front());
    const std::size_t to = at < lines_.size() ? indent(lines_[at]) : 0;
    for (std::string& line : block) {  // So that it stands where it is put.
      if (to > from) line.insert(0, to - from, ' ');
      if (to < from) line.erase(0, std::min(from - to, line.find_first_not_of(' ')));
    }
    lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(at), block.begin(), block.end());
  }

  void shift(std::string& line) {
    if (pick(2) == 0) {
      line.insert(0, "  ");
    } else if (line.starts_with("  ")) {
      line.erase(0, 2);
    }
  }

  /// The value behind the key of `to` becomes that of `from`.
  static void take_value(std::string& to, const std::string& from) {
    const std::size_t source = from.find(':');
    const std::size_t target = to.find(':');
    if (source != std::string::npos && target != std::string::npos) {
      to.replace(target, std::string::npos, from.substr(source));
    }
  }

  std::string_view scalar() {
    constexpr std::string_view kScalars[] = {
        "0",     "-1",      "4294967296", "1e400", "0.5s",      "10s",    "true", "null",
        "~",     "\"\"",    "\"3\"",      "{}",    "[]",        "*a",     "&a b", "!ignore x",
        "${A}",  "010",     "0x10",       "|",     "{a: [b]}",  "99999",  "-0",   "315576000001s",
        "1.5ms", "\"\\0\"", "<<",         ">-",    "127.0.0.1", "\"::1\""};
    return kScalars[pick(std::size(kScalars))];
  }

  Lines& lines_;
  std::minstd_rand random_;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  Lines lines = split({reinterpret_cast<const char*>(data), size});
  if (lines.empty() || seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  Mutation(lines, seed).apply();
  std::string text;
  for (const std::string& line : lines) text += line;
  text.resize(std::min(text.size(), max_size));
  if (text.empty()) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}
