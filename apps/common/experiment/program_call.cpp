#include "apps/common/experiment/program_call.h"

#include <ostream>
#include <streambuf>
#include <utility>

namespace engram::apps {
namespace {

constexpr std::size_t kMaxLine = 2000;

/// A stream that hands over whole lines.
class LineBuffer : public std::streambuf {
 public:
  explicit LineBuffer(const std::function<void(const std::string&)>& said) : said_(said) {}

  void end_line() {
    if (line_.empty()) return;
    last_ = std::exchange(line_, {});
    if (said_) said_(last_);
  }
  const std::string& last() const { return last_; }

 protected:
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char letter = traits_type::to_char_type(c);
    if (letter == '\n' || letter == '\r')
      end_line();
    else if (line_.size() < kMaxLine)
      line_ += letter;
    return c;
  }

 private:
  const std::function<void(const std::string&)>& said_;
  std::string line_, last_;
};

}  // namespace

CallResult call_program(const std::string& name, const ProgramFunction& program, std::vector<std::string> words,
                        const std::function<void(const std::string&)>& said,
                        const std::function<bool()>& stop_requested, const std::filesystem::path& coming) {
  LineBuffer lines(said);
  std::ostream err(&lines), out(nullptr);  // a stream without a buffer drops what it is given
  Call call{name, std::move(words), &out, &err, stop_requested};
  call.coming = coming;
  const int code = run_program(program, call);
  lines.end_line();
  return {code, lines.last()};
}

}  // namespace engram::apps
