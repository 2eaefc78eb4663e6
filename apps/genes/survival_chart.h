#pragma once
/// Kaplan-Meier curves of groups of patients.

#include <string>
#include <vector>

#include "apps/common/html.h"
#include "models/survival/kaplan_meier.h"

namespace engram::apps {

/// One group's curve.
struct SurvivalGroup {
  std::string name;
  survival::SurvivalCurve curve;
  survival::SurvivalBand band;  ///< 95 % confidence limits of the curve; empty ones are not drawn
  dim_t patients = 0, deaths = 0;
};

/// What stands around the curves.
struct SurvivalLabels {
  std::string time = "time";  ///< title of the time axis, with its unit
  std::string test;           ///< a test of equal survival: "log-rank p = 0.003"; empty: none
};

/// Up to four groups: <svg> with survival from 1 to 0 over the times from 0 to `last`, confidence bands, a stroke where
/// patients were censored, and the patients at risk below. Group k has the colours of the classes km0 to km3.
Html survival_chart(const std::string& title, const std::vector<SurvivalGroup>& groups, double last,
                    const SurvivalLabels& labels);

/// Where a time axis may end: the time that 2 % of the patients outlast.
double time_axis_end(std::vector<double> times);

/// A table that is the legend as well: colour, name, patients, deaths, median survival.
Html survival_legend(const std::vector<SurvivalGroup>& groups);

}  // namespace engram::apps
