#include "apps/genes/validation_sections.h"

#include <cmath>
#include <functional>

#include "apps/common/stack_table.h"
#include "apps/genes/forest_chart.h"
#include "apps/genes/section_parts.h"
#include "kernels/common/error.h"
#include "models/genes/recovery.h"

namespace engram::apps {
namespace {

using genes::Estimate;
using genes::Prediction;
using genes::PredictionPair;

std::string ratio_of(const Estimate& e) {
  return e.se > 0 ? ratio_text(e.effect, e.effect - 1.96 * e.se, e.effect + 1.96 * e.se) : "not estimable";
}

/// Mean over the repeats with the spread between them.
std::string over_repeats(const Prediction& prediction, int digits,
                         const std::function<double(const PredictionPair&)>& value) {
  std::vector<double> values;
  for (const PredictionPair& pair : prediction) values.push_back(value(pair));
  const genes::MeanAndError mean = genes::mean_and_error(values);
  const double deviation = mean.standard_error * std::sqrt(double(mean.count));
  return fixed(mean.mean, digits) + (mean.count > 1 ? " (SD " + fixed(deviation, digits) + ")" : "");
}

void add_prediction(const std::string& name, const Prediction& prediction, int digits,
                    double genes::PredictionScore::*score, StackTable& table) {
  const auto base = [&](const PredictionPair& p) { return p.base.*score; };
  const auto with = [&](const PredictionPair& p) { return p.genes.*score; };
  table.row(name).cell(over_repeats(prediction, digits, base)).cell(over_repeats(prediction, digits, with));
  table.cell(over_repeats(prediction, digits, [&](const PredictionPair& p) { return with(p) - base(p); }));
}

}  // namespace

Html adjustment_section(const genes::Cohort& cohort, const genes::Selection& s) {
  if (s.genes.empty()) return {};
  const bool hazard = s.likelihood == genes::Likelihood::kCox;
  Html out;
  out.markup("<h2>Other ways to deal with how treatment was given</h2>\n<p>")
      .text(message(
          "The same joint model with patients weighted so that the arms are balanced (robust errors), and, on the "
          "hazard scale, compared within fifths of the propensity only. Effects are ",
          hazard ? "hazard" : "time",
          " ratios with 95 % confidence intervals. An effect that one of them takes away rests on the adjustment."));
  StackTable table({"gene", "as reported", "stabilised weights", "overlap weights",
                    "within fifths of the propensity (hazard ratio)"});
  for (const genes::SelectedGene& g : s.genes) {
    table.row(name_of(cohort, g.gene)).cell(ratio_of({g.effect, g.se})).cell(ratio_of(g.adjusted.stabilized));
    table.cell(ratio_of(g.adjusted.overlap)).cell(ratio_of(g.adjusted.stratified));
  }
  return out.markup("</p>\n<div class=\"card scroll\">").html(table.html()).markup("</div>\n");
}

Html bootstrap_section(const genes::Cohort& cohort, const genes::Selection& s,
                       const std::optional<genes::Bootstrap>& bootstrap) {
  if (!bootstrap || bootstrap->runs == 0) return {};
  Html out;
  out.markup("<h2>The whole selection on resampled patients</h2>\n<p>")
      .text(message("Everything from the screens to the list was repeated on ", bootstrap->runs,
                    " bootstrap samples of the patients. Of the ", s.genes.size(), " listed genes they list ",
                    fixed(bootstrap->mean, 1), " again on average, and between ", fixed(bootstrap->low, 1), " and ",
                    fixed(bootstrap->high, 1),
                    " in 95 % of the samples. A bar is the share of samples that list the gene; dark bars are genes of "
                    "this report's list. A patient drawn twice counts twice, so this describes how stable the list is "
                    "and is no test."));
  out.markup("</p>\n<div class=\"pairs\">");
  out.html(card("Share of bootstrap samples that list the gene, %",
                bar_chart("Bootstrap of the whole selection", share_rows(cohort, s, bootstrap->share), 100,
                          {{60, "60 %"}, {90, "90 %"}})));
  return out.markup("</div>\n");
}

Html prediction_section(const Prediction& prediction) {
  if (prediction.empty()) return {};
  Html out;
  out.markup("<h2>How well the genes predict other patients</h2>\n<p>")
      .text(
          message("Five-fold cross-validation, ", prediction.size(), prediction.size() == 1 ? " time" : " times",
                  ": the genes are selected anew from four fifths of the patients, and a Cox model of treatment, "
                  "clinical variables and the genes' interactions with treatment predicts the last fifth. Concordance: "
                  "the share of pairs of patients whose order of death is predicted right (0.5 is guessing)."));
  StackTable table({"", "without genes", "with the selected genes", "gain"});
  add_prediction("concordance (Harrell)", prediction, 4, &genes::PredictionScore::harrell, table);
  add_prediction("concordance (Uno)", prediction, 4, &genes::PredictionScore::uno, table);
  add_prediction("cross-validated log partial likelihood", prediction, 1, &genes::PredictionScore::partial_likelihood,
                 table);
  return out.markup("</p>\n<div class=\"card scroll\">").html(table.html()).markup("</div>\n");
}

}  // namespace engram::apps
