#pragma once
/// HTML under construction: markup comes from literals of the program, everything else is escaped.

#include <string>
#include <string_view>

namespace engram::apps {

/// Markup, made of string literals only: the constructor runs at compile time, so that no text from a file gets here.
class Markup {
 public:
  consteval Markup(const char* literal) : text_(literal) {}
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// A piece of HTML. Whatever goes in through text() is shown as it is and can close no tag and no attribute value
/// (attribute values are written in double quotes).
class Html {
 public:
  /// Appends markup.
  Html& markup(Markup markup) {
    text_ += markup.text();
    return *this;
  }

  /// Appends text or a part of an attribute's value: & < > " ' become references, control characters that HTML does not
  /// allow and bytes that are not UTF-8 become U+FFFD.
  Html& text(std::string_view text);

  /// Appends a piece that is HTML already.
  Html& html(const Html& piece) {
    text_ += piece.text_;
    return *this;
  }

  /// Appends <tag>text</tag>.
  Html& element(Markup tag, std::string_view text);

  bool empty() const { return text_.empty(); }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

/// Whether a metric or fact of that name is a share, which is shown as a percentage: it says "accuracy",
/// "share" or "probability".
bool is_share(const std::string& name);

/// A value under its name, for people: shares between 0 and 1 as percentages ("92.5 %"), others as number_text.
std::string value_text(const std::string& name, double value);

/// A number for people: `digits` significant digits at most, powers of ten as "1e-5".
std::string number_text(double value, int digits = 4);

}  // namespace engram::apps
