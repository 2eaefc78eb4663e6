#include "apps/genes/selection_sections.h"

#include <algorithm>
#include <cmath>

#include "apps/genes/bar_chart.h"
#include "apps/genes/section_parts.h"
#include "apps/genes/selection_words.h"
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
  if (patients.empty()) return group;
  group.curve = survival::kaplan_meier(genes::outcome_of(cohort).select(patients));
  group.band = survival::confidence_band(group.curve);
  return group;
}

/// Log-rank test of equal survival in all groups, for a chart's corner.
std::string log_rank_text(const Cohort& cohort, const std::vector<std::vector<dim_t>>& patients) {
  std::vector<dim_t> all;
  std::vector<std::int32_t> group;
  for (std::size_t k = 0; k < patients.size(); ++k) {
    all.insert(all.end(), patients[k].begin(), patients[k].end());
    group.insert(group.end(), patients[k].size(), std::int32_t(k));
  }
  if (all.empty()) return "";
  const survival::LogRank result = survival::log_rank(genes::outcome_of(cohort).select(all), group);
  if (result.test.df < 1) return "";
  const double p = std::pow(10.0, result.test.log10_p);
  return p < 1e-4 ? "log-rank p < 0.0001" : "log-rank p = " + number_text(p, 2);
}

/// Title of a time axis.
std::string time_title(const std::string& unit) {
  return unit.empty() ? "time, in the unit of the data" : "time in " + unit;
}

/// Patients in groups that a chart compares.
struct Partition {
  std::vector<std::string> names;
  std::vector<std::vector<dim_t>> patients;
};

/// By treatment and mutation.
Partition four_groups(const Cohort& cohort, dim_t gene) {
  Partition groups{{"treated, mutated", "treated, not mutated", "untreated, mutated", "untreated, not mutated"},
                   std::vector<std::vector<dim_t>>(4)};
  for (dim_t i = 0; i < cohort.num_patients(); ++i) {
    const bool treated = cohort.treatment[std::size_t(i)] != 0, mutated = cohort.genes.at(i, gene);
    groups.patients[(treated ? 0u : 2u) + (mutated ? 0u : 1u)].push_back(i);
  }
  return groups;
}

/// Patients of an arm by the number of listed mutations that they carry: 0, 1, 2, 3 and more.
Partition dose_groups(const Cohort& cohort, const Selection& s, int arm) {
  Partition groups{{"no listed mutation", "one", "two", "three or more"}, std::vector<std::vector<dim_t>>(4)};
  for (dim_t i : genes::patients_in_arm(cohort, arm)) {
    std::size_t count = 0;
    for (const SelectedGene& g : s.genes) count += cohort.genes.at(i, g.gene);
    groups.patients[std::min<std::size_t>(count, 3)].push_back(i);
  }
  return groups;
}

/// Curves of the groups with their legend.
Html curves_card(const Cohort& cohort, const std::string& heading, const std::string& title, const Partition& partition,
                 const SurvivalLabels& labels) {
  std::vector<SurvivalGroup> groups;
  for (std::size_t k = 0; k < partition.names.size(); ++k)
    groups.push_back(group_of(cohort, partition.names[k], partition.patients[k]));
  Html body;
  body.html(survival_chart(title, groups, time_axis_end(cohort.time), labels));
  return card(heading, body.html(survival_legend(groups)));
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

Html dose_section(const Cohort& cohort, const Selection& s, const std::string& time_unit) {
  if (s.genes.empty()) return {};
  Html out;
  out.markup("<h2>Survival by the number of listed mutations</h2>\n<p>");
  out.text(
      "If the list is right, treated patients live longer the more of these mutations they carry, and untreated "
      "patients do not. These curves are not adjusted for clinical variables, and they show the patients from whom "
      "the list was made. Time axes end where 2 % of the patients are left; bands are pointwise 95 % confidence "
      "limits, "
      "strokes patients who were censored. The log-rank test compares all curves of a chart.");
  out.markup("</p>\n<div class=\"charts dose\">\n");
  for (const int arm : {1, 0}) {
    const Partition groups = dose_groups(cohort, s, arm);
    const std::string heading = arm == 1 ? "Treated patients" : "Untreated patients";
    out.html(curves_card(cohort, heading, "Kaplan-Meier curves by number of listed mutations: " + heading, groups,
                         {time_title(time_unit), log_rank_text(cohort, groups.patients)}));
  }
  return out.markup("</div>\n");
}

Html curves_section(const Cohort& cohort, const Selection& s, const std::string& time_unit) {
  if (s.genes.empty()) return {};
  Html out;
  out.markup("<h2>Survival by treatment and mutation</h2>\n<p>");
  out.text(
      "Kaplan-Meier curves, not adjusted. Blue: treated. Orange: untreated. Solid: the gene is mutated. Dashed: it is "
      "not. The mutation matters for the treatment where the gap between solid blue and dashed blue is not there "
      "between solid orange and dashed orange. The log-rank test compares treated patients with and without the "
      "mutation.");
  out.markup("</p>\n<div class=\"charts\">\n");
  for (const SelectedGene& g : s.genes) {
    const Partition groups = four_groups(cohort, g.gene);
    const std::string test = log_rank_text(cohort, {groups.patients[0], groups.patients[1]});
    out.html(curves_card(cohort, name_of(cohort, g.gene),
                         "Kaplan-Meier curves by treatment and mutation of " + name_of(cohort, g.gene), groups,
                         {time_title(time_unit), test.empty() ? "" : "treated: " + test}));
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
      .text(message(
          treatment_depends_on_clinical(c)
              ? "Who was treated depends on the clinical variables, so treated and untreated patients differ."
              : "The clinical variables do not tell who was treated, as if treatment had been drawn by lot; what "
                "was not measured may.",
          " The chart shows the differences between the arms (standardised mean differences), before and after "
          "weighting by the propensity to be treated; below 0.1 is balanced. All models of this report adjust "
          "for the clinical variables directly."));
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
  std::string aic;
  for (const genes::ParametricFit& fit : c.parametric)
    aic += (aic.empty() ? "" : ", ") + std::string(genes::likelihood_name(fit.likelihood)) + " " + fixed(fit.aic, 1);
  std::string violated;
  for (const genes::HazardCheckRow& row : c.hazards)
    if (row.log10_p < -2)
      violated += (violated.empty() ? "" : ", ") + row.name + " (p " + power_text(row.log10_p) + ")";
  Html out;
  out.markup("<h2>Model</h2>\n");
  out.html(
      key_values({{"scale of effects", c.reason},
                  {"AIC of treatment + clinical on log time", aic},
                  {"concordance of treatment + clinical (Cox)", fixed(c.cox_concordance, 3)},
                  {"hazards not proportional for", violated.empty() ? "none" : violated},
                  {"genes that matter with or without treatment (adjusted for)", join(cohort, s.prognostic.genes)}}));
  return out;
}

Html data_section(const genes::LoadedCohort& data) {
  if (data.findings.empty()) return {};
  Html out;
  out.markup("<h2>What is unusual about the data</h2>\n<ul>\n");
  for (const genes::Finding& finding : data.findings) out.element("li", finding.text);
  return out.markup("</ul>\n");
}

Html repeat_section(const RunDir& run, const std::vector<std::string>& files) {
  std::string names;
  for (const std::string& file : files)
    if (std::filesystem::exists(run / file)) names += file + ", ";
  Html out;
  out.markup("<h2>To repeat this</h2>\n<p>")
      .text("Beside this page lie " + names +
            "and manifest.json with the hashes of the input and the command line. The same settings and seed give the "
            "same result at any number of threads.");
  out.markup("</p>\n<details><summary>settings</summary>\n<pre>").text(read_run_config(run.path()));
  return out.markup("</pre></details>\n");
}

}  // namespace engram::apps
