/// Tables that stack on narrow screens: every cell knows its column, and texts are never markup.

#include <gtest/gtest.h>

#include "apps/common/stack_table.h"
#include "tests/support/tag_balance.h"

namespace engram::apps {
namespace {

TEST(StackTable, CellsNameTheirColumns) {
  StackTable table({"gene", "p <", "passes"});
  EXPECT_TRUE(table.empty());
  table.cell("no row is open");
  EXPECT_TRUE(table.empty());
  table.row("G1").cell("0.01").cell("no", "no").cell("beyond the columns");
  table.row("G<2>").wide_cell("not run");
  const std::string html = table.html().str();
  EXPECT_EQ(test::unbalanced_tag(html), "");
  EXPECT_NE(html.find("<td data-column=\"p &lt;\">0.01</td><td class=\"no\" data-column=\"passes\">no</td></tr>"),
            std::string::npos)
      << html;
  EXPECT_NE(html.find("<th scope=\"row\">G&lt;2&gt;</th><td colspan=\"2\">not run</td></tr>"), std::string::npos)
      << html;
  EXPECT_EQ(html.find("beyond"), std::string::npos);
}

}  // namespace
}  // namespace engram::apps
