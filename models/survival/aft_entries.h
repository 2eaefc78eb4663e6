#pragma once
/// Left truncation of log-time models. Internal to the survival models and to gene selection's residuals.

#include <span>
#include <vector>

#include "kernels/aft_likelihood/aft_likelihood.h"

namespace engram::survival {

/// Times from which rows are observed. Who is seen from an entry on had to live until then, so the row's log-likelihood
/// loses log S(entry), which is that of a patient censored at the entry. Entries of 0 or less change nothing.
class AftEntries {
 public:
  /// Nobody enters late.
  AftEntries() = default;
  /// `entry` empty (nobody enters late) or one a row, as `weight`; finite.
  AftEntries(std::span<const double> entry, std::span<const double> weight);

  bool empty() const { return log_entry_.empty(); }

  /// The kernel's likelihood, of which every output loses the entries' part; all outputs must be there. `args` has as
  /// many rows as there are entries, in their order. The curvature may then be negative.
  void likelihood(const kernels::AftLikelihoodArgs& args) const;

  /// What log S(entry) gives to a row, and its derivatives.
  struct Part {
    std::vector<double> gradient, curvature, mixed;
    double totals[4] = {};
  };
  /// Of every row; zeros where nobody entered late, empty without entries. Outputs of `args` are not used.
  Part part(const kernels::AftLikelihoodArgs& args) const;
  double log_entry(std::size_t row) const { return log_entry_[row]; }

 private:
  std::vector<double> log_entry_, weight_;
  std::vector<std::uint8_t> event_;  // zeros
};

}  // namespace engram::survival
