#pragma once
/// A small check of the nesting of HTML.

#include <set>
#include <string>
#include <vector>

namespace engram::test {

/// The first tag of a page that does not close or was not opened, empty when all nest. Attribute values must be quoted
/// with double quotes, and '<' must not stand in text, as pages written by engram have it.
inline std::string unbalanced_tag(const std::string& page) {
  const std::set<std::string> kVoid = {"!DOCTYPE", "meta", "link", "img", "br", "wbr"};
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = page.find('<', at)) != std::string::npos;) {
    std::size_t end = at;
    for (bool quoted = false; end < page.size() && (quoted || page[end] != '>'); ++end) quoted ^= page[end] == '"';
    if (end == page.size()) return page.substr(at, 40);
    const std::string tag = page.substr(at + 1, end - at - 1);
    at = end + 1;
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag[0] == '/') {
      if (open.empty() || "/" + open.back() != tag) return tag;
      open.pop_back();
    } else if (!kVoid.contains(name) && tag.back() != '/') {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : open.back();
}

}  // namespace engram::test
