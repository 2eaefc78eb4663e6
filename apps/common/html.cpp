#include "apps/common/html.h"

#include <charconv>
#include <cstddef>

namespace engram::apps {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Length of the UTF-8 sequence at the start of `text`, 0 when there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xBF; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if ((first & 0xF0) == 0xE0) {
    const bool overlong = first == 0xE0 && second < 0xA0, surrogate = first == 0xED && second > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && second < 0x90, beyond = first == 0xF4 && second > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

/// How an ASCII character is written in HTML; empty for those that stand for themselves.
std::string_view reference(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    case '\n':
    case '\t':
      return "";
    default:
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? kReplacement : std::string_view();
  }
}

}  // namespace

Html& Html::text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const std::string_view written = length == 0 ? kReplacement : length == 1 ? reference(text[0]) : "";
    text_ += written.empty() ? text.substr(0, length) : written;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return *this;
}

Html& Html::element(Markup tag, std::string_view content) {
  markup("<");
  text_ += tag.text();
  markup(">").text(content).markup("</");
  text_ += tag.text();
  return markup(">");
}

bool is_share(const std::string& name) {
  for (const char* word : {"accuracy", "share", "probability"})
    if (name.find(word) != std::string::npos) return true;
  return false;
}

std::string value_text(const std::string& name, double value) {
  if (!is_share(name) || !(value >= 0 && value <= 1)) return number_text(value);
  return number_text(100 * value) + " %";
}

std::string number_text(double value, int digits) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, digits).ptr;
  std::string text(buffer, end);
  const std::size_t e = text.find('e');
  if (e == std::string::npos) return text;
  std::size_t first = e + 2;  // behind the exponent's sign, which to_chars always writes
  while (first + 1 < text.size() && text[first] == '0') ++first;
  return text.substr(0, e + 1) + (text[e + 1] == '-' ? "-" : "") + text.substr(first);
}

}  // namespace engram::apps
