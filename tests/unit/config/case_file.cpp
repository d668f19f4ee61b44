#include "case_file.hpp"

#include <fstream>
#include <stdexcept>

namespace holdfast::config::test {
namespace {

/// Puts `body` at the template's `%%`, its further lines indented alike.
std::string fill(const std::string& text, const std::string& body) {
  const auto mark = text.find("%%");
  const auto line_start = text.rfind('\n', mark) + 1;
  std::string out = text.substr(0, mark);
  for (const char c : body) {
    out += c;
    if (c == '\n') out.append(mark - line_start, ' ');
  }
  return out + text.substr(mark + 2);
}

class Reader {
 public:
  void line(const std::string& line) {
    const std::string word = line.substr(0, line.find(' '));
    const std::string rest = line.size() > word.size() ? line.substr(word.size() + 1) : "";
    if (word == "@template") {
      finish();
      template_ = rest;
    } else if (word == "@case") {
      finish();
      case_.name = rest;
      in_case_ = true;
    } else if (in_case_ && body_.empty() && directive(word, rest)) {
      return;
    } else if (in_case_ || !template_.empty()) {
      body_ += line + '\n';
    }
  }

  void finish() {
    if (!body_.empty()) body_.pop_back();
    if (!template_.empty()) templates_[template_] = body_;
    if (in_case_) {
      case_.text = use_.empty() ? body_ : fill(templates_.at(use_), body_);
      if (!case_.text.empty()) case_.text += '\n';
      cases.push_back(case_);
    }
    case_ = {};
    in_case_ = false;
    template_.clear();
    use_.clear();
    body_.clear();
  }

  std::vector<Case> cases;

 private:
  bool directive(const std::string& word, const std::string& rest) {
    if (word == "@use") {
      use_ = rest;
    } else if (word == "@file") {
      case_.file = rest;
    } else if (word == "@env") {
      case_.env[rest.substr(0, rest.find('='))] = rest.substr(rest.find('=') + 1);
    } else if (word == "@want") {
      case_.want.push_back(rest);
    } else {
      return word == "@envoy" || word == "@schema";  // for the script alone
    }
    return true;
  }

  std::map<std::string, std::string> templates_;
  Case case_;
  bool in_case_ = false;
  std::string template_, use_, body_;
};

}  // namespace

std::vector<Case> read_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  Reader reader;
  for (std::string line; std::getline(file, line);) reader.line(line);
  reader.finish();
  return reader.cases;
}

}  // namespace holdfast::config::test
