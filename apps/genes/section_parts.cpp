#include "apps/genes/section_parts.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace engram::apps {
namespace {

constexpr std::size_t kShareRows = 20;

}  // namespace

const std::string& name_of(const genes::Cohort& cohort, dim_t gene) {
  return cohort.gene_names[std::size_t(gene)];
}

std::string fixed(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

Html card(const std::string& title, const Html& body) {
  Html out;
  return out.markup("<section class=\"card\">").element("h3", title).html(body).markup("</section>\n");
}

Html key_values(const std::vector<std::pair<std::string, std::string>>& rows) {
  Html out;
  out.markup("<table class=\"facts\"><tbody>\n");
  for (const auto& [name, value] : rows)
    out.markup("<tr><th scope=\"row\">").text(name).markup("</th>").element("td", value).markup("</tr>\n");
  return out.markup("</tbody></table>\n");
}

std::vector<BarRow> share_rows(const genes::Cohort& cohort, const genes::Selection& s,
                               const std::vector<double>& share) {
  std::vector<dim_t> order(share.size());
  std::iota(order.begin(), order.end(), dim_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](dim_t a, dim_t b) { return share[std::size_t(a)] > share[std::size_t(b)]; });
  std::vector<BarRow> rows;
  for (std::size_t i = 0; i < std::min(kShareRows, order.size()); ++i) {
    const double value = share[std::size_t(order[i])];
    if (value <= 0) break;
    BarRow row;
    row.name = name_of(cohort, order[i]);
    row.value = 100 * value;
    row.text = fixed(100 * value, 0) + " %";
    row.emphasised = std::ranges::any_of(s.genes, [&](const genes::SelectedGene& g) { return g.gene == order[i]; });
    rows.push_back(row);
  }
  return rows;
}

}  // namespace engram::apps
