#include "models/genes/residual_replicates.h"

#include <cmath>
#include <utility>

#include "engine/sample_random.h"
#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

std::vector<double> fitted_locations(const Cohort& patients, const std::vector<dim_t>& held,
                                     const std::vector<dim_t>& adjust, Likelihood likelihood) {
  const TermDesign design(patients, held, adjust);
  const TermModel model(design.design(), likelihood);
  return model.locations(model.fit(design.joint_columns()));
}

}  // namespace

ResidualReplicates::ResidualReplicates(const Cohort& cohort, const std::vector<dim_t>& held,
                                       const std::vector<dim_t>& adjust, Likelihood likelihood)
    : patients_(select_patients(cohort, positive_times(cohort))),
      location_(fitted_locations(patients_, held, adjust,
                                 likelihood == Likelihood::kCox ? Likelihood::kWeibull : likelihood)) {}

Cohort ResidualReplicates::draw(std::uint64_t seed, dim_t index) const {
  Cohort replicate = patients_;
  for (const int arm : {0, 1}) {
    SampleRandom random(seed, RandomPurpose::kGeneSplit, 6, 2 * index + arm);
    const std::vector<dim_t> patients = patients_in_arm(patients_, arm);
    std::vector<dim_t> from = patients;
    for (std::size_t i = from.size(); i > 1; --i) std::swap(from[i - 1], from[std::size_t(random.below(dim_t(i)))]);
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto to = std::size_t(patients[i]), source = std::size_t(from[i]);
      const double stretch = std::exp(location_[to] - location_[source]);
      replicate.time[to] = patients_.time[source] * stretch;
      if (!patients_.entry.empty()) replicate.entry[to] = patients_.entry[source] * stretch;
      replicate.event[to] = patients_.event[source];
    }
  }
  return sort_by_risk(std::move(replicate));
}

}  // namespace engram::genes
