#pragma once
/// How many patients a fitted coefficient rests on.

#include <cstdint>
#include <span>
#include <vector>

#include "models/survival/survival_design.h"

namespace engram::survival {

/// Coefficients that rest on fewer patients than this are said to: their standard errors and p-values come from laws
/// of many patients.
inline constexpr double kFewPatients = 4;

/// For each of `columns`: (sum w r^2)^2 / sum (w r^2)^2 of r, the column's residual on the others within the strata
/// (least squares with the case weights w), over the patients at risk at some death. For a rare 0/1 column that is the
/// number of its carriers; for the product of a gene with treatment, beside both, about that of the carriers in the
/// arm that has fewer; n for a balanced column. 0 for columns that are `aliased` [k] or that the others determine.
/// O(rows x k^2).
std::vector<double> supporting_patients(const SurvivalDesign& design, std::span<const dim_t> columns,
                                        std::span<const std::uint8_t> aliased);

}  // namespace engram::survival
