#include "apps/genes/selection_report.h"

#include <cmath>
#include <cstdio>

#include "apps/common/page.h"
#include "apps/common/stack_table.h"
#include "apps/genes/bar_chart.h"
#include "apps/genes/forest_chart.h"
#include "apps/genes/genes_style.h"
#include "apps/genes/selection_sections.h"
#include "apps/genes/selection_words.h"
#include "apps/genes/validation_sections.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

using genes::Cohort;
using genes::SelectedGene;
using genes::Selection;

constexpr double kFamilyWiseLevel = 0.05;  // below it a gene passes

bool is_hazard(const Selection& s) {
  return s.likelihood == genes::Likelihood::kCox;
}

Html fact(const std::string& value, const std::string& name) {
  return Html().markup("<li><b>").text(value).markup("</b> ").text(name).markup("</li>\n");
}

/// What was found, what the negative control says of it, and one row of names.
Html summary(const Cohort& cohort, const Selection& s) {
  Html out;
  out.markup("<p class=\"lead\">").text(headline(cohort, s)).markup("</p>\n");
  const std::string control = control_sentence(s);
  if (!control.empty()) out.markup("<p>").text(control).markup("</p>\n");
  out.markup("<ul class=\"chips\">");
  for (const SelectedGene& g : s.genes) {
    out.markup(g.declared ? Markup("<li>") : Markup("<li class=\"weak\">"));
    out.text(cohort.gene_names[std::size_t(g.gene)]).markup("</li>");
  }
  out.markup("</ul>\n<ul class=\"facts-row\">\n");
  out.html(fact(std::to_string(cohort.num_patients()), "patients"));
  out.html(fact(std::to_string(genes::count_treated(cohort)), "treated"));
  out.html(fact(std::to_string(genes::count_events(cohort)), "deaths"));
  out.html(fact(std::to_string(cohort.num_genes()), "genes"));
  out.html(fact(std::to_string(cohort.num_clinical()), "clinical variables"));
  return out.markup("</ul>\n");
}

Html forest_section(const Cohort& cohort, const Selection& s) {
  std::vector<ForestRow> rows;
  for (const SelectedGene& g : s.genes) {
    ForestRow row;
    row.name = cohort.gene_names[std::size_t(g.gene)];
    row.patients = message(g.carriers, " (", g.carriers_treated, " treated)");
    const bool corrected = g.selective.robust_se > 0;
    row.effect = corrected ? g.selective.effect : g.effect;
    row.low = corrected ? g.selective.low : g.effect - 1.96 * g.se;
    row.high = corrected ? g.selective.high : g.effect + 1.96 * g.se;
    if (corrected) row.naive = ForestInterval{g.effect, g.effect - 1.96 * g.se, g.effect + 1.96 * g.se};
    row.note = family_p_text(g.family_p, s);
    row.emphasised = g.declared;
    rows.push_back(row);
  }
  const bool hazard = is_hazard(s);
  ForestLabels labels{"mutated patients", hazard ? "hazard ratio (95 % CI)" : "time ratio (95 % CI)",
                      family_test_ran(s) ? "family-wise p" : "",
                      hazard ? "treatment works better" : "treatment works worse",
                      hazard ? "treatment works worse" : "treatment works better"};
  Html out;
  out.markup("<h2>How much each mutation changes what the treatment does</h2>\n<p>");
  out.text(
      hazard
          ? "Each line is the factor by which the treatment's effect on the hazard of death differs between patients "
            "with and without the mutation. Below 1: mutated patients gain more from treatment."
          : "Each line is the factor by which treatment stretches survival time in mutated patients, beyond what it "
            "does in the others. 1.20 means: 20 % longer.");
  out.text(
      " Squares and bars are estimates and 95 % intervals that allow for the genes having been chosen because they "
      "look "
      "strong: the whole selection was repeated on permuted residuals to see how it treats genes without an effect. "
      "Their model holds the gene, the genes that stand out, treatment and the clinical variables. The thin lines "
      "under "
      "them are those of the model of all listed genes, which do not allow for the choice. Hollow marks: genes that "
      "are "
      "not declared.");
  out.markup("</p>\n<div class=\"card\">");
  out.html(forest_chart("Forest plot of the treatment interactions of the listed genes", rows, labels));
  return out.markup("</div>\n");
}

std::string yes_no(bool value) {
  return value ? "yes" : "no";
}

Markup check_class(bool value) {
  return value ? Markup("yes") : Markup("no");
}

std::string duel_text(const Cohort& cohort, const SelectedGene& g) {
  std::string text;
  for (const genes::Duel& d : g.duels) {
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, " (correlation %.2f; %.1f against %.1f%s)", d.correlation, d.drop_gene,
                  d.drop_rival, d.ambiguous ? ", ambiguous" : "");
    text += (text.empty() ? "" : ", ") + cohort.gene_names[std::size_t(d.rival)] + numbers;
  }
  return text.empty() ? "none" : text;
}

/// The family-wise p-value given each correlate, with the correlates from which the gene is not told apart.
std::string apart_text(const Cohort& cohort, const SelectedGene& g, const Selection& s) {
  if (!family_test_ran(s)) return "not run";
  if (!g.group_declared) return g.apart_p < 1 ? family_p_text(g.apart_p, s) : "";
  std::string text = "not told from ";
  for (std::size_t i = 0; i < g.alternatives.size(); ++i)
    text += (i > 0 ? ", " : "") + cohort.gene_names[std::size_t(g.alternatives[i])];
  return text;
}

Html checks_section(const Cohort& cohort, const Selection& s) {
  StackTable table({"gene", "likelihood ratio", "on the other scale", "right direction", "both scales", "family-wise p",
                    "given correlates", "stability", "seeds", "E-value", "correlated rivals"});
  for (const SelectedGene& g : s.genes) {
    table.row(cohort.gene_names[std::size_t(g.gene)]).cell(number_text(g.drop, 4)).cell(number_text(g.other_drop, 4));
    table.cell(yes_no(g.direction_ok), check_class(g.direction_ok));
    table.cell(yes_no(g.both_scales), check_class(g.both_scales));
    if (family_test_ran(s))
      table.cell(family_p_text(g.family_p, s), check_class(g.family_p < kFamilyWiseLevel));
    else
      table.cell("not run");
    table.cell(apart_text(cohort, g, s));
    table.cell(s.stability.share.empty() ? "not run" : number_text(100 * g.stability, 3) + " %");
    table.cell(number_text(100 * g.seed_share, 3) + " %").cell(number_text(g.e_value, 3)).cell(duel_text(cohort, g));
  }
  Html out;
  out.markup("<h2>Checks</h2>\n<div class=\"card scroll\">").html(table.html());
  out.markup("</div>\n<p class=\"soft\">")
      .text(
          "Family-wise p: share of permutations of the residuals within the arms in which the largest statistic of all "
          "genes reaches the gene's, in a model that holds the genes declared before it; \u2264 marks the least that "
          "so "
          "many permutations can give. It is the test; the likelihood ratio is not comparable with a chi-square law, "
          "since the genes were chosen for it. Given correlates: the largest of that and of the p-values in models "
          "that "
          "hold a gene whose carriers correlate more than 0.2 with the gene's; a gene that does not stand out in all "
          "of "
          "them is declared with its group only. Stability and seeds: shares of half-samples and of searches that "
          "chose "
          "the gene. Likelihood ratio: what leaving the gene's treatment interaction out of the joint model costs (1 "
          "degree of "
          "freedom; "
          "above 3.84 on both scales is asked for). E-value: how strongly an unmeasured confounder would have to be "
          "tied to both the "
          "gene x "
          "treatment contrast and survival to explain the effect away. Correlated rivals: genes carried by nearly the "
          "same "
          "patients; where the two likelihood ratios differ by less than 4 the data cannot tell which of them it is.");
  return out.markup("</p>\n");
}

}  // namespace

std::filesystem::path write_selection_report(const RunDir& run, const genes::LoadedCohort& data, const Selection& s,
                                             const SelectionValidation& validation, const std::string& time_unit) {
  const Cohort& cohort = data.cohort;
  const std::filesystem::path source = cohort.name;
  const std::string name =
      source.has_filename() ? source.filename().string() : source.parent_path().filename().string();
  Html out;
  out.html(page_head("Genes that make the treatment work: " + name, genes_style())).markup("<body>\n<header>\n");
  out.markup("<h1>Which mutations make the treatment work</h1>\n<p class=\"soft\">");
  out.text(message("cohort ", name, ", pipeline ", genes::mode_name(s.mode), ", effects by the ",
                   genes::likelihood_name(s.likelihood), " model"))
      .markup("</p>\n</header>\n<main>\n");
  out.html(summary(cohort, s)).html(forest_section(cohort, s)).html(dose_section(cohort, s, time_unit));
  out.html(curves_section(cohort, s, time_unit)).html(stability_section(cohort, s));
  out.html(bootstrap_section(cohort, s, validation.bootstrap)).html(prediction_section(validation.prediction));
  out.html(search_section(s)).html(checks_section(cohort, s)).html(treatment_section(s));
  out.html(adjustment_section(cohort, s)).html(model_section(cohort, s));
  out.html(data_section(data))
      .html(repeat_section(run, {"selected_genes.csv", "candidates.csv", "selection.json"}))
      .markup("</main>\n")
      .html(page_end());
  const std::filesystem::path file = run / "report.html";
  io::write_file(file, out.str());
  return file;
}

}  // namespace engram::apps
