#include "models/genes/calibrated_screen.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "models/genes/entry_screen.h"
#include "models/genes/gene_tests.h"
#include "models/genes/reference_law.h"

namespace engram::genes {
namespace {

GeneTests model_tests(const Cohort& cohort, const CalibratedScreenOptions& o) {
  if (!cohort.entry.empty())
    return entry_screen(o.screen == "AFT" ? usable_patients(cohort, Likelihood::kLogLogistic) : cohort, o.screen,
                        o.ties, o.adjust);
  const ScreenOptions options{o.ties, o.adjust, o.device};
  if (o.screen == "A") return tests_of(screen_a(cohort, o.ties, o.device), "A");
  if (o.screen == "B") return tests_of(screen_b(cohort, o.ties, nullptr, o.device), "B");
  if (o.screen == "C") return tests_of(screen_c(cohort, o.ties, {}, o.device), "C");
  if (o.screen == "TA") return tests_of(screen_treated_arm(cohort, options), "TA");
  if (o.screen == "AFT") return aft_product_screen(cohort, o.device);
  const ScoreScreen scores = score_screen(cohort, options);
  return o.screen == "S2" ? scores.s2 : scores.os;
}

/// The null model in which the screen's question is asked.
ScanOptions scan_options(const CalibratedScreenOptions& o) {
  ScanOptions scan;
  scan.likelihood = o.screen == "AFT" ? Likelihood::kLogLogistic : Likelihood::kCox;
  scan.test = tests_product(o.screen) || o.screen == "S2" ? ScanTest::kProduct : ScanTest::kMain;
  scan.treatment = o.screen != "A" && o.screen != "TA";
  scan.clinical = o.screen == "C" || o.screen == "AFT" || (o.screen != "A" && o.screen != "B" && o.adjust);
  return scan;
}

Cohort patients_of(const Cohort& cohort, const CalibratedScreenOptions& o) {
  if (o.screen == "TA") return select_patients(cohort, patients_in_arm(cohort, 1));
  return o.screen == "AFT" ? usable_patients(cohort, Likelihood::kLogLogistic) : cohort;
}

std::vector<double> log10_p_of(const Cohort& patients, const GeneScan& scan, const CalibratedScreenOptions& o) {
  if (o.screen != "S2") return calibrated_log10_p(scan, o.replicates, o.seed);
  ScanOptions main = scan_options(o);
  main.test = ScanTest::kMain;
  const GeneScan second(patients, main);
  return calibrated_log10_p(scan, o.replicates, o.seed, &second);
}

}  // namespace

const std::vector<std::string>& screen_names() {
  static const std::vector<std::string> names = {"A", "B", "C", "TA", "S1", "S2", "OS", "AFT"};
  return names;
}

bool tests_product(const std::string& screen) {
  return screen == "B" || screen == "C" || screen == "S1" || screen == "OS" || screen == "AFT";
}

GeneTests calibrated_screen(const Cohort& cohort, const CalibratedScreenOptions& options) {
  if (std::ranges::find(screen_names(), options.screen) == screen_names().end())
    throw UsageError(message("[screen] expected A, B, C, TA, S1, S2, OS or AFT, got '", options.screen, "'"));
  GeneTests tests = model_tests(cohort, options);
  tests.screen = options.screen;
  const Cohort patients = patients_of(cohort, options);
  const GeneScan scan(patients, scan_options(options));
  tests.model_log10_p = std::move(tests.log10_p);
  tests.log10_p = log10_p_of(patients, scan, options);
  for (std::size_t j = 0; j < tests.status.size(); ++j) {
    const auto gene = dim_t(j);
    if (options.screen == "S1") {
      tests.z[j] = scan.z()[j] * (tests.effect[j] * scan.z()[j] > 0 ? 1 : -1);
      tests.se[j] = tests.z[j] != 0 ? tests.effect[j] / tests.z[j] : 0;
    }
    if (!scan.testable(gene)) {
      tests.status[j] = FitStatus::kNotEstimable;
      tests.effect[j] = tests.se[j] = tests.z[j] = tests.log10_p[j] = tests.model_log10_p[j] = 0;
    } else if (scan.few_carriers(gene)) {
      tests.status[j] = FitStatus::kFewCarriers;
    }
  }
  adjust_for_multiplicity(tests);
  return tests;
}

}  // namespace engram::genes
