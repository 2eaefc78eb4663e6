#include "apps/genes/screen_report.h"

#include <algorithm>

#include "apps/common/page.h"
#include "apps/common/stack_table.h"
#include "apps/genes/forest_chart.h"
#include "apps/genes/genes_style.h"
#include "apps/genes/selection_sections.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

constexpr std::size_t kShown = 30;

/// A chart only where there are effects with standard errors.
Html forest(const genes::Cohort& cohort, const genes::GeneTests& tests, const std::vector<dim_t>& shown) {
  std::vector<ForestRow> rows;
  for (dim_t gene : shown) {
    const std::size_t g = std::size_t(gene);
    if (!(tests.se[g] > 0)) continue;
    ForestRow row;
    row.name = cohort.gene_names[g];
    row.patients = std::to_string(cohort.genes.count(gene));
    row.effect = tests.effect[g];
    row.low = tests.effect[g] - 1.96 * tests.se[g];
    row.high = tests.effect[g] + 1.96 * tests.se[g];
    row.note = number_text(tests.bh[g], 2);
    row.emphasised = tests.bh[g] < 0.1;
    rows.push_back(row);
  }
  if (rows.empty()) return {};
  const bool time = tests.screen == "AFT";
  const ForestLabels labels{"mutated", time ? "time ratio (95 % CI)" : "hazard ratio (95 % CI)", "BH q",
                            time ? "shorter life" : "longer life", time ? "longer life" : "shorter life"};
  Html out;
  out.markup("<div class=\"card\">");
  return out.html(forest_chart("Effects of the best genes", rows, labels)).markup("</div>\n");
}

Html table(const genes::Cohort& cohort, const genes::GeneTests& tests, const std::vector<dim_t>& shown) {
  StackTable rows({"gene", "mutated", "effect", "z", "log10 p", "BH q", "log10 p of the model", "status"});
  for (dim_t gene : shown) {
    const std::size_t g = std::size_t(gene);
    rows.row(cohort.gene_names[g]).cell(std::to_string(cohort.genes.count(gene)));
    rows.cell(number_text(tests.effect[g], 4)).cell(number_text(tests.z[g], 4)).cell(number_text(tests.log10_p[g], 4));
    rows.cell(number_text(tests.bh[g], 3)).cell(number_text(tests.model_log10_p[g], 4));
    rows.cell(genes::status_name(tests.status[g]));
  }
  Html out;
  out.markup("<div class=\"card scroll\">").html(rows.html()).markup("</div>\n<p class=\"soft\">");
  out.text(
      "z: the model's own statistic, signed: the root of the likelihood ratio (A, B, C, TA), the estimate over its "
      "error "
      "(OS, AFT, and with --entry), the studentised score (S1), the root of the chi-square (S2). log10 p: how often a "
      "studentised "
      "statistic of the same question is as large when residuals are permuted within the arms (signs of whole clusters "
      "flipped, where the data have clusters); BH q comes from it. What the model alone would say holds only where the "
      "model does. few_carriers: fewer than five carriers in an arm; such genes have a p-value but no q.");
  return out.markup("</p>\n");
}

}  // namespace

std::filesystem::path write_screen_report(const RunDir& run, const genes::LoadedCohort& data,
                                          const genes::GeneTests& tests, const std::vector<dim_t>& order) {
  const genes::Cohort& cohort = data.cohort;
  const std::vector<dim_t> shown(order.begin(), order.begin() + std::ptrdiff_t(std::min(kShown, order.size())));
  const auto significant = std::ranges::count_if(tests.bh, [](double q) { return q < 0.1; });
  Html out;
  out.html(page_head("Screen of " + cohort.name, genes_style())).markup("<body>\n<header>\n");
  out.element("h1", "Screen " + tests.screen + " of " + cohort.name).markup("<p class=\"soft\">");
  out.text(message(cohort.num_patients(), " patients, ", tests.size(), " genes, one at a time; ", significant,
                   " with a Benjamini-Hochberg q below 0.1. The ", shown.size(),
                   " best are shown; screen.csv has all."));
  out.markup("</p>\n</header>\n<main>\n").html(forest(cohort, tests, shown)).markup("<h2>Table</h2>\n");
  out.html(table(cohort, tests, shown))
      .html(data_section(data))
      .html(repeat_section(run, {"screen.csv"}))
      .markup("</main>\n");
  const std::filesystem::path file = run / "report.html";
  io::write_file(file, out.html(page_end()).str());
  return file;
}

}  // namespace engram::apps
