#include "apps/genes/selection_sections.h"

#include <algorithm>
#include <cmath>

#include "apps/genes/bar_chart.h"
#include "apps/genes/section_parts.h"
#include "apps/genes/survival_chart.h"
#include "apps/genes/trajectory_chart.h"
#include "kernels/common/error.h"
#include "models/genes/term_design.h"

namespace engram::apps {
namespace {

using genes::Cohort;
using genes::SelectedGene;
using genes::Selection;

SurvivalGroup group_of(const Cohort& cohort, const std::string& name, const std::vector<dim_t>& patients) {
  SurvivalGroup group;
  group.name = name;
  group.patients = dim_t(patients.size());
  for (dim_t i : patients) group.deaths += cohort.event[std::size_t(i)];
  if (!patients.empty()) group.curve = survival::kaplan_meier(genes::outcome_of(cohort).select(patients));
  return group;
}

/// Treated and mutated, treated, mutated, neither.
std::vector<SurvivalGroup> four_groups(const Cohort& cohort, dim_t gene) {
  std::vector<std::vector<dim_t>> patients(4);
  for (dim_t i = 0; i < cohort.num_patients(); ++i) {
    const bool treated = cohort.treatment[std::size_t(i)] != 0, mutated = cohort.genes.at(i, gene);
    patients[(treated ? 0u : 2u) + (mutated ? 0u : 1u)].push_back(i);
  }
  return {group_of(cohort, "treated, mutated", patients[0]), group_of(cohort, "treated, not mutated", patients[1]),
          group_of(cohort, "untreated, mutated", patients[2]), group_of(cohort, "untreated, not mutated", patients[3])};
}

/// Patients of an arm by the number of listed mutations that they carry: 0, 1, 2, 3 and more.
std::vector<SurvivalGroup> dose_groups(const Cohort& cohort, const Selection& s, int arm) {
  std::vector<std::vector<dim_t>> patients(4);
  for (dim_t i : genes::patients_in_arm(cohort, arm)) {
    std::size_t count = 0;
    for (const SelectedGene& g : s.genes) count += cohort.genes.at(i, g.gene);
    patients[std::min<std::size_t>(count, 3)].push_back(i);
  }
  return {group_of(cohort, "no listed mutation", patients[0]), group_of(cohort, "one", patients[1]),
          group_of(cohort, "two", patients[2]), group_of(cohort, "three or more", patients[3])};
}

std::string power_text(double log10_p) {
  if (log10_p > -3) return number_text(std::pow(10.0, log10_p), 2);
  return "1e" + std::to_string(int(std::floor(log10_p)));
}

std::string join(const Cohort& cohort, const std::vector<dim_t>& genes) {
  std::string text;
  for (dim_t gene : genes) text += (text.empty() ? "" : ", ") + name_of(cohort, gene);
  return text.empty() ? "none" : text;
}

}  // namespace

Html dose_section(const Cohort& cohort, const Selection& s) {
  if (s.genes.empty()) return {};
  Html out;
  out.markup("<h2>Survival by the number of listed mutations</h2>\n<p>");
  out.text(
      "If the list is right, treated patients live longer the more of these mutations they carry, and untreated "
      "patients do not. These curves are not adjusted for clinical variables, and they show the patients from whom "
      "the list was made. Time axes end where 2 % of the patients are left.");
  out.markup("</p>\n<div class=\"charts dose\">\n");
  const double last = time_axis_end(cohort.time);
  for (const int arm : {1, 0}) {
    const std::vector<SurvivalGroup> groups = dose_groups(cohort, s, arm);
    const std::string title = arm == 1 ? "Treated patients" : "Untreated patients";
    Html body;
    body.html(survival_chart("Kaplan-Meier curves by number of listed mutations: " + title, groups, last));
    out.html(card(title, body.html(survival_legend(groups))));
  }
  return out.markup("</div>\n");
}

Html curves_section(const Cohort& cohort, const Selection& s) {
  if (s.genes.empty()) return {};
  Html out;
  out.markup("<h2>Survival by treatment and mutation</h2>\n<p>");
  out.text(
      "Kaplan-Meier curves, not adjusted. Blue: treated. Orange: untreated. Solid: the gene is mutated. Dashed: it is "
      "not. The mutation matters for the treatment where the gap between solid blue and dashed blue is not there "
      "between solid orange and dashed orange.");
  out.markup("</p>\n<div class=\"charts\">\n");
  const double last = time_axis_end(cohort.time);
  for (const SelectedGene& g : s.genes) {
    const std::vector<SurvivalGroup> groups = four_groups(cohort, g.gene);
    Html body;
    const std::string title = "Kaplan-Meier curves by treatment and mutation of " + name_of(cohort, g.gene);
    body.html(survival_chart(title, groups, last));
    out.html(card(name_of(cohort, g.gene), body.html(survival_legend(groups))));
  }
  return out.markup("</div>\n");
}

Html stability_section(const Cohort& cohort, const Selection& s) {
  if (s.stability.share.empty() || s.stability.runs == 0) return {};
  const std::vector<BarRow> rows = share_rows(cohort, s, s.stability.share);
  Html out;
  out.markup("<h2>Stability</h2>\n<p>")
      .text(message(
          "The selection was repeated on ", s.stability.runs, " half-samples (", fixed(s.stability.mean_selected, 1),
          " genes each). A bar is the share of half-samples that chose the gene; dark "
          "bars are listed genes. Half the patients see less than all of them, so weak effects fall below 100 %. Above "
          "90 % "
          "at most ",
          fixed(s.stability.error_bound(0.9), 2), " false genes are expected (Meinshausen and Buehlmann's bound)."));
  out.markup("</p>\n<div class=\"pairs\">");
  out.html(card("Share of half-samples that chose the gene, %",
                bar_chart("Stability of the genes", rows, 100, {{60, "60 %"}, {90, "90 %"}})));
  return out.markup("</div>\n");
}

Html search_section(const Selection& s) {
  if (s.wrapper.runs.empty()) return {};
  std::vector<TrajectoryLine> lines;
  std::int64_t evaluations = 0;
  int best = 0;
  for (const genes::WrapperRun& run : s.wrapper.runs) {
    const bool reached = run.fitness >= s.wrapper.fitness - 1e-9;
    best += reached;
    evaluations += run.evaluations;
    lines.push_back({message("seed ", run.seed), run.trajectory, reached ? 0 : 7});
  }
  Html out;
  out.markup("<h2>Search</h2>\n<p>")
      .text(message(s.wrapper.runs.size(), s.wrapper.runs.size() == 1 ? " search" : " searches from different seeds",
                    " fitted ", evaluations, " models for sets of ", s.filtered.size(), " candidate genes; ", best,
                    " reached the best fitness, ", number_text(s.wrapper.fitness, 5), " (",
                    genes::fitness_name(s.fitness), "). Blue lines: those; grey lines: the others."));
  out.markup("</p>\n<div class=\"pairs\">");
  out.html(card("Best fitness so far", trajectory_chart("Best fitness over models fitted, one line a seed", lines)));
  return out.markup("</div>\n");
}

Html treatment_section(const Selection& s) {
  const genes::ConfoundingReport& c = s.confounding;
  if (c.stabilized.rows.empty()) return {};
  std::vector<DotRow> rows;
  for (const survival::BalanceRow& row : c.stabilized.rows)
    rows.push_back({row.name, row.difference, row.weighted_difference});
  std::string instruments;
  for (const std::string& name : c.instrument_like) instruments += (instruments.empty() ? "" : ", ") + name;
  Html out;
  out.markup("<h2>How treatment was given</h2>\n<p>")
      .text(
          "Treatment was not drawn by lot, so treated and untreated patients differ. The chart shows by how much "
          "(standardised "
          "mean differences), before and after weighting by the propensity to be treated; below 0.1 is balanced. All "
          "models "
          "of this report adjust for the clinical variables directly.");
  out.markup("</p>\n<div class=\"pairs\">");
  out.html(card("Differences between the arms: before (hollow) and after weighting",
                dot_chart("Standardised mean differences before and after weighting", rows, {{0.1, "0.1"}})));
  out.html(card(
      "Propensity",
      key_values({{"area under the curve", number_text(c.auc, 3)},
                  {"range of propensities", number_text(c.lowest, 2) + " to " + number_text(c.highest, 2)},
                  {"patients outside the overlap", std::to_string(c.stabilized.outside_overlap)},
                  {"effective sample size after weighting", number_text(c.stabilized.effective_size, 4)},
                  {"predict treatment but not survival (not weighted)", instruments.empty() ? "none" : instruments}})));
  return out.markup("</div>\n");
}

Html model_section(const Cohort& cohort, const Selection& s) {
  const genes::ModelChoice& c = s.choice;
  std::string aic, controls;
  for (const genes::ParametricFit& fit : c.parametric)
    aic += (aic.empty() ? "" : ", ") + std::string(genes::likelihood_name(fit.likelihood)) + " " + fixed(fit.aic, 1);
  for (dim_t found : s.negative_controls) controls += (controls.empty() ? "" : ", ") + std::to_string(found);
  std::string violated;
  for (const genes::HazardCheckRow& row : c.hazards)
    if (row.log10_p < -2)
      violated += (violated.empty() ? "" : ", ") + row.name + " (p " + power_text(row.log10_p) + ")";
  Html out;
  out.markup("<h2>Model</h2>\n");
  out.html(key_values({{"scale of effects", c.reason},
                       {"AIC of treatment + clinical on log time", aic},
                       {"concordance of treatment + clinical (Cox)", fixed(c.cox_concordance, 3)},
                       {"hazards not proportional for", violated.empty() ? "none" : violated},
                       {"genes that matter with or without treatment (adjusted for)", join(cohort, s.prognostic.genes)},
                       {"genes \"found\" with permuted treatment labels (negative control; 0 is wanted)",
                        controls.empty() ? "not run" : controls}}));
  return out;
}

Html data_section(const genes::LoadedCohort& data) {
  if (data.findings.empty()) return {};
  Html out;
  out.markup("<h2>What is unusual about the data</h2>\n<ul>\n");
  for (const genes::Finding& finding : data.findings) out.element("li", finding.text);
  return out.markup("</ul>\n");
}

Html repeat_section(const RunDir& run) {
  Html out;
  out.markup("<h2>To repeat this</h2>\n<p>")
      .text(
          "Beside this page lie selected_genes.csv, candidates.csv, selection.json, and manifest.json with the hashes "
          "of the "
          "input and the command line. The same settings and seed give the same result at any number of threads.");
  out.markup("</p>\n<details><summary>settings</summary>\n<pre>").text(read_run_config(run.path()));
  return out.markup("</pre></details>\n");
}

}  // namespace engram::apps
