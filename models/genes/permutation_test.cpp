#include "models/genes/permutation_test.h"

#include <algorithm>
#include <cmath>

#include "engine/sample_random.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

namespace engram::genes {
namespace {

constexpr double kDependent = 1e-9;  // share of a column's square that the columns before it leave over

/// Orthonormal rows of patients: a basis of the constant and the model's columns (modified Gram-Schmidt, twice).
class Basis {
 public:
  explicit Basis(dim_t patients) : n_(std::size_t(patients)) {}

  void add(std::vector<double> column) {
    double before = 0, after = 0;
    for (double x : column) before += x * x;
    for (int pass = 0; pass < 2; ++pass) {
      for (const std::vector<double>& q : vectors_) {
        double along = 0;
        for (std::size_t i = 0; i < n_; ++i) along += q[i] * column[i];
        for (std::size_t i = 0; i < n_; ++i) column[i] -= along * q[i];
      }
    }
    for (double x : column) after += x * x;
    if (!(after > kDependent * before)) return;
    for (double& x : column) x /= std::sqrt(after);
    vectors_.push_back(std::move(column));
  }

  std::size_t size() const { return vectors_.size(); }
  const std::vector<std::vector<double>>& vectors() const { return vectors_; }

  std::vector<double> coordinates(const std::vector<double>& x) const {
    std::vector<double> result;
    for (const std::vector<double>& q : vectors_) {
      double sum = 0;
      for (std::size_t i = 0; i < n_; ++i) sum += q[i] * x[i];
      result.push_back(sum);
    }
    return result;
  }

 private:
  std::size_t n_;
  std::vector<std::vector<double>> vectors_;
};

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// A gene's product, freed of the basis and of its main effect, as a sparse sum.
struct Contrast {
  std::vector<std::uint32_t> treated, untreated;  // carriers
  std::vector<double> basis;                      // coordinates to take away
  double product = 0, main = 0;                   // weights of carriers: product + main if treated, else main
  double norm = 0;                                // 0: the product does not vary freely
};

Contrast contrast_of(const Cohort& cohort, const Basis& basis, dim_t gene) {
  Contrast c;
  std::vector<double> q_product(basis.size()), q_main(basis.size());
  for (dim_t i = 0; i < cohort.num_patients(); ++i) {
    if (!cohort.genes.at(i, gene)) continue;
    const bool treated = cohort.treatment[std::size_t(i)] != 0;
    (treated ? c.treated : c.untreated).push_back(std::uint32_t(i));
    for (std::size_t k = 0; k < basis.size(); ++k) {
      const double q = basis.vectors()[k][std::size_t(i)];
      q_main[k] += q;
      if (treated) q_product[k] += q;
    }
  }
  const double carriers = double(c.treated.size() + c.untreated.size()), both = double(c.treated.size());
  const double main_left = carriers - dot(q_main, q_main), product_left = both - dot(q_product, q_product);
  const double along = main_left > kDependent * carriers ? (both - dot(q_product, q_main)) / main_left : 0;
  const double left = product_left - along * along * std::max(0.0, main_left);
  if (!(left > 1e-6 * std::max(both, 1.0))) return c;
  c.norm = std::sqrt(left);
  c.product = 1;
  c.main = -along;
  for (std::size_t k = 0; k < basis.size(); ++k) c.basis.push_back(q_product[k] - along * q_main[k]);
  return c;
}

double statistic(const Contrast& c, const std::vector<double>& r, const std::vector<double>& r_basis) {
  double treated = 0, untreated = 0;
  for (std::uint32_t i : c.treated) treated += r[i];
  for (std::uint32_t i : c.untreated) untreated += r[i];
  return ((c.product + c.main) * treated + c.main * untreated - dot(c.basis, r_basis)) / c.norm;
}

/// The residuals shuffled within each arm.
std::vector<double> shuffled(const Cohort& cohort, const std::vector<double>& residuals, std::uint64_t seed,
                             dim_t index) {
  SampleRandom random(seed, RandomPurpose::kGeneSplit, 2, index);
  std::vector<double> result = residuals;
  for (int arm : {0, 1}) {
    const std::vector<dim_t> patients = patients_in_arm(cohort, arm);
    for (std::size_t i = patients.size(); i > 1; --i)
      std::swap(result[std::size_t(patients[i - 1])],
                result[std::size_t(patients[std::size_t(random.below(dim_t(i)))])]);
  }
  return result;
}

}  // namespace

std::vector<double> permuted_maxima(const Cohort& cohort, const survival::SurvivalDesign& design,
                                    const std::vector<dim_t>& columns, const std::vector<double>& residuals,
                                    int permutations, std::uint64_t seed) {
  const std::size_t n = std::size_t(cohort.num_patients());
  if (residuals.size() != n)
    throw UsageError(message("[permutation] expected ", n, " residuals, got ", residuals.size()));
  Basis basis(cohort.num_patients());
  basis.add(std::vector<double>(n, 1.0));
  for (dim_t column : columns) {
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i) values[std::size_t(design.order()[i])] = design.standardized(column)[i];
    basis.add(std::move(values));
  }
  std::vector<Contrast> contrasts(std::size_t(cohort.num_genes()));
  kernels::parallel_for(cohort.num_genes(), dim_t(n),
                        [&](dim_t gene) { contrasts[std::size_t(gene)] = contrast_of(cohort, basis, gene); });
  double mean = 0, squares = 0;
  for (double r : residuals) mean += r / double(n);
  for (double r : residuals) squares += (r - mean) * (r - mean);
  const double deviation = std::sqrt(squares / double(n - std::min(n - 1, basis.size())));
  std::vector<double> maxima(std::size_t(permutations), 0.0);
  if (!(deviation > 0)) return maxima;
  kernels::parallel_for(permutations, dim_t(n) * cohort.num_genes() / 8, [&](dim_t p) {
    const std::vector<double> r = shuffled(cohort, residuals, seed, p), r_basis = basis.coordinates(r);
    double largest = 0;
    for (const Contrast& c : contrasts)
      if (c.norm > 0) largest = std::max(largest, std::abs(statistic(c, r, r_basis)) / deviation);
    maxima[std::size_t(p)] = largest;
  });
  std::sort(maxima.begin(), maxima.end());
  return maxima;
}

double family_wise_p(const std::vector<double>& maxima, double z) {
  const auto first = std::lower_bound(maxima.begin(), maxima.end(), std::abs(z));
  return double(1 + (maxima.end() - first)) / double(1 + maxima.size());
}

}  // namespace engram::genes
