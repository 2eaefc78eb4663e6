/// Uses the survival models of an installed engram: a Cox likelihood whose maximum is known in closed form.

#include <cmath>
#include <cstdio>

#include "engram/models/survival/cox_model.h"

int main() {
  using namespace engram::survival;
  // Three deaths in the order treated, untreated, treated. With r the hazard ratio the partial likelihood is
  // r / (2 r + 1) / (1 + r), which is largest at r = 1 / sqrt(2).
  const SurvivalOutcome outcome{.time = {1, 2, 3}, .event = {1, 1, 1}};
  CovariateMatrix covariates(3);
  const double treated[] = {1, 0, 1};
  covariates.add("treated", treated);
  const SurvivalDesign design(outcome, covariates);
  CoxScratch scratch;
  const FitStatus status = CoxModel(design).fit(design.all_columns(), {}, scratch);
  const double coefficient = scratch.coefficients()[0];
  std::printf("log hazard ratio %g after %d iterations\n", coefficient, status.iterations);
  return std::abs(coefficient + 0.5 * std::log(2)) < 1e-6 ? 0 : 1;
}
