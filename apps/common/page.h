#pragma once
/// The frame that all reports share: a self-contained HTML page.

#include <string>

#include "apps/common/html.h"

namespace engram::apps {

/// <!DOCTYPE html>, <html> and <head> with the style of pages and charts. A content security policy lets nothing on the
/// page run or load anything. `more_style` adds rules of its own.
Html page_head(const std::string& title, Markup more_style = "");

/// The footer with engram's version, and the end of <body> and <html>.
Html page_end();

}  // namespace engram::apps
