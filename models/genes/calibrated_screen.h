#pragma once
/// Screens with p-values from the null law of their data (docs/genes.md, "Inference").

#include <cstdint>
#include <string>
#include <vector>

#include "models/genes/screens.h"

namespace engram::genes {

/// "A", "B", "C", "TA", "S1", "S2", "OS", "AFT".
const std::vector<std::string>& screen_names();
/// Whether the screen's null model holds the gene's main effect, so that it tests the product with treatment.
bool tests_product(const std::string& screen);

struct CalibratedScreenOptions {
  std::string screen = "C";
  TieMethod ties = TieMethod::kEfron;  ///< of the model's own statistic
  bool adjust = true;                  ///< S1, S2, OS and TA: for the clinical variables
  int replicates = 1000;
  std::uint64_t seed = 0;
  Device device = {};  ///< of the model's own statistic; the replicates run on the CPU
};

/// Effects and statistics of the screen's model; `log10_p`, and `bh` and `bonferroni` made of it, are those of the
/// studentised score statistic of the same question (GeneScan) in its replicates, and `model_log10_p` what the model
/// itself says. S1 has the one-step estimate, the studentised statistic as z, and their ratio as error. Genes with few
/// carriers in an arm have the status kFewCarriers and are in no family. With entry times the model's own statistic is
/// that of entry_screen(). Throws as the screens, and UsageError for an unknown screen, one that does not know the
/// cohort's entries, or fewer than 1 replicate.
GeneTests calibrated_screen(const Cohort& cohort, const CalibratedScreenOptions& options);

}  // namespace engram::genes
