#pragma once
/// Tables that stay readable on a phone.

#include <string>
#include <vector>

#include "apps/common/html.h"

namespace engram::apps {

/// A table with a head line. On screens narrower than 40 rem each row becomes a block of "column: value" lines, so that
/// no column is out of sight. Numbers stand to the right.
class StackTable {
 public:
  /// The first column names the rows.
  explicit StackTable(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  /// Begins a row with its name.
  StackTable& row(const std::string& name);
  /// The next cell of the row; `css_class` may be "yes" or "no", which colour it. Cells beyond the columns are not
  /// drawn.
  StackTable& cell(const std::string& text, Markup css_class = "");
  /// A last cell over all columns that are left.
  StackTable& wide_cell(const std::string& text);

  bool empty() const { return body_.empty(); }
  Html html() const;

 private:
  void end_row();

  std::vector<std::string> columns_;
  std::size_t next_ = 0;  // column of the next cell; 0: no row is open
  Html body_;
};

/// Its style rules.
Markup stack_table_style();

}  // namespace engram::apps
