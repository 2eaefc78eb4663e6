#include "apps/common/stack_table.h"

namespace engram::apps {

void StackTable::end_row() {
  if (next_ > 0) body_.markup("</tr>\n");
  next_ = 0;
}

StackTable& StackTable::row(const std::string& name) {
  end_row();
  body_.markup("<tr><th scope=\"row\">").text(name).markup("</th>");
  next_ = 1;
  return *this;
}

StackTable& StackTable::cell(const std::string& text, Markup css_class) {
  if (next_ == 0 || next_ >= columns_.size()) return *this;
  body_.markup("<td");
  if (!css_class.text().empty()) body_.markup(" class=\"").markup(css_class).markup("\"");
  body_.markup(" data-column=\"").text(columns_[next_++]).markup("\">").text(text).markup("</td>");
  return *this;
}

StackTable& StackTable::wide_cell(const std::string& text) {
  if (next_ == 0 || next_ >= columns_.size()) return *this;
  body_.markup("<td colspan=\"").text(std::to_string(columns_.size() - next_)).markup("\">").text(text).markup("</td>");
  next_ = columns_.size();
  return *this;
}

Html StackTable::html() const {
  Html out;
  out.markup("<table class=\"stack\"><thead><tr>");
  for (const std::string& column : columns_) out.markup("<th scope=\"col\">").text(column).markup("</th>");
  out.markup("</tr></thead><tbody>\n").html(body_);
  if (next_ > 0) out.markup("</tr>\n");
  return out.markup("</tbody></table>\n");
}

Markup stack_table_style() {
  return R"(
.stack td,.stack th{text-align:right;font-variant-numeric:tabular-nums;padding-right:.9rem}
.stack td:first-child,.stack th:first-child{text-align:left}
@media(max-width:40rem){
.stack,.stack tbody,.stack tr,.stack th,.stack td{display:block}
.stack thead{display:none}
.stack tr{border-top:1px solid var(--rule);padding:.4rem 0}
.stack th,.stack td{border:0;padding:.1rem 0}
.stack th{font-size:1.05rem}
.stack td:empty{display:none}
.stack td{display:flex;justify-content:space-between;gap:1rem}
.stack td::before{content:attr(data-column);color:var(--soft);text-align:left;font-weight:400}}
)";
}

}  // namespace engram::apps
