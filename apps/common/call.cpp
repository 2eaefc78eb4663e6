#include "apps/common/call.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <ostream>

namespace engram::apps {

void print(std::ostream& out, const char* format, ...) {
  std::va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  std::string text(static_cast<std::size_t>(std::max(0, size)) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, again);
  va_end(again);
  va_end(arguments);
  out.write(text.data(), std::max(0, size));
}

}  // namespace engram::apps
