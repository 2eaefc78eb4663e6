#include "models/genes/gene_scan.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/sample_random.h"
#include "kernels/common/parallel.h"
#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

constexpr double kDependent = 1e-9;       // share of a column's square that the columns before it leave over
constexpr double kLeastFreedom = 1e-6;    // the same of a tested column
constexpr double kPriorCarriers = 10;     // patients' worth of the arm's variance in that of its carriers
constexpr double kStrongMainEffect = 3;   // standard errors
constexpr double kLeastCurvature = 1e-6;  // of the mean

double dot(const double* a, const double* b, std::size_t count) {
  double sum = 0;
  for (std::size_t k = 0; k < count; ++k) sum += a[k] * b[k];
  return sum;
}

/// Cox models have a baseline hazard for each arm: the arms' hazards need not be proportional.
Cohort stratified_by_arm(const Cohort& cohort) {
  Cohort stratified = cohort;
  stratify_by_treatment(stratified);
  return stratified;
}

TermFit fit_null(const TermDesign& design, const TermModel& model) {
  return model.fit(design.joint_columns());
}

/// The null model's columns by patient, with a constant.
std::vector<std::vector<double>> null_columns(const Cohort& cohort, const ScanOptions& options) {
  std::vector<std::vector<double>> columns = {std::vector<double>(cohort.time.size(), 1.0)};
  if (options.treatment) columns.push_back(treatment_column(cohort));
  for (dim_t k = 0; options.clinical && k < cohort.num_clinical(); ++k) {
    const auto values = cohort.clinical_column(k);
    columns.emplace_back(values.begin(), values.end());
  }
  for (const dim_t gene : options.adjust) columns.push_back(gene_column(cohort, gene));
  for (const dim_t gene : options.held) {
    columns.push_back(gene_column(cohort, gene));
    columns.push_back(product_column(cohort, gene));
  }
  return columns;
}

double dot(const std::vector<double>& metric, const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < metric.size(); ++i) sum += metric[i] * a[i] * b[i];
  return sum;
}

/// Takes what `basis` explains of it out of a column; twice, since once leaves rounding.
void free_of(const std::vector<std::vector<double>>& basis, const std::vector<double>& metric,
             std::vector<double>& column) {
  for (int pass = 0; pass < 2; ++pass) {
    for (const std::vector<double>& q : basis) {
      const double along = dot(metric, q, column);
      for (std::size_t i = 0; i < column.size(); ++i) column[i] -= along * q[i];
    }
  }
}

/// A basis of the columns, orthonormal in the metric, without those that depend on the ones before.
std::vector<std::vector<double>> orthonormal(const std::vector<std::vector<double>>& columns,
                                             const std::vector<double>& metric) {
  std::vector<std::vector<double>> basis;
  for (std::vector<double> column : columns) {
    const double before = dot(metric, column, column);
    free_of(basis, metric, column);
    const double after = dot(metric, column, column);
    if (!(after > kDependent * before)) continue;
    for (double& x : column) x /= std::sqrt(after);
    basis.push_back(std::move(column));
  }
  return basis;
}

/// Sum and sum of squares of some patients' residuals.
struct Moments {
  double sum = 0, squares = 0;
};

/// Variance of `count` values, drawn towards `prior`.
double drawn_variance(const Moments& of, double count, double prior) {
  const double around_mean = std::max(0.0, of.squares - of.sum * of.sum / count);
  return (kPriorCarriers * prior + around_mean) / (kPriorCarriers + count - 1);
}

/// Variance of weight x (sum over the carriers of an arm's residuals, freed of their mean).
double arm_variance(double weight, double all, double with, double arm_squares, const Moments& carriers,
                    const Moments& others) {
  if (with == 0 || with == all) return 0;
  const double share = with / all, prior = arm_squares / (all - 1);
  return weight * weight * with * (1 - share) *
         ((1 - share) * drawn_variance(carriers, with, prior) + share * drawn_variance(others, all - with, prior));
}

}  // namespace

/// Carriers of one gene, their residuals and what they sum to.
struct GeneScan::GeneSums {
  std::span<const std::uint32_t> who;  // untreated before treated
  std::size_t untreated = 0;           // of them
  std::vector<double> residual, curvature;
  std::vector<double> basis_change;  // [columns] by which the carriers' new residuals change residual_sums_

  std::array<std::span<const std::uint32_t>, 2> arms() const { return {who.first(untreated), who.subspan(untreated)}; }
};

GeneScan::GeneScan(const Cohort& cohort, const ScanOptions& options)
    : test_(options.test),
      own_curvature_(options.own_curvature),
      patients_(cohort.time.size()),
      arm_(cohort.time.size(), 0) {
  const bool cox_arms = options.likelihood == Likelihood::kCox && options.treatment;
  const Cohort stratified = cox_arms ? stratified_by_arm(cohort) : Cohort{};
  const Cohort& patients = cox_arms ? stratified : cohort;
  const TermDesign design(patients, options.held, options.adjust, options.clinical, options.treatment);
  const TermModel model(design.design(), options.likelihood);
  const WorkingResiduals residuals(patients, model, fit_null(design, model));
  residual_ = residuals.residual();
  if (options.treatment) arm_ = cohort.treatment;
  for (std::size_t i = 0; i < patients_; ++i) arms_[arm_[i]].push_back(dim_t(i));
  // Nobody is left out of the metric, though early on nobody may have been expected to die.
  std::vector<double> metric = residuals.curvature();
  double mean = 0;
  for (const double w : metric) mean += w / double(patients_);
  for (double& w : metric) w = std::max(w, kLeastCurvature * mean);
  const std::vector<std::vector<double>> columns = null_columns(cohort, options);
  make_basis(columns, metric);
  place_main_effects(options, columns, metric);
  centre_residuals();
  for (std::size_t i = 0; i < patients_; ++i)
    mean_curvature_[arm_[i]] += residuals.curvature()[i] / double(arms_[arm_[i]].size());
  list_carriers(cohort);
  const auto genes = std::size_t(cohort.num_genes());
  keep_.assign(2 * genes, 0);
  along_.assign(columns_ * genes, 0);
  error_scale_.assign(genes, 0);
  z_.assign(genes, 0);
  if (!cohort.cluster.empty()) make_clusters(cohort.cluster);
  cluster_sums_.assign(genes * clusters_, 0);
  const dim_t work = dim_t(columns_ * (columns_ + carriers_.size() / std::max<std::size_t>(genes, 1)));
  kernels::parallel_for(cohort.num_genes(), work, [&](dim_t gene) { test_gene(residuals, gene); });
  fit_factor_ = options.fit_factor.value_or(middle_of_fits());
  for (double& z : z_) z *= fit_factor_;
}

double GeneScan::middle_of_fits() const {
  std::vector<double> scales;
  for (dim_t gene = 0; gene < num_genes(); ++gene)
    if (testable(gene)) scales.push_back(error_scale_[std::size_t(gene)]);
  if (scales.empty()) return 1;
  const auto middle = scales.begin() + std::ptrdiff_t(scales.size() / 2);
  std::nth_element(scales.begin(), middle, scales.end());
  return std::sqrt(std::min(1.0, *middle));
}

void GeneScan::make_basis(const std::vector<std::vector<double>>& columns, const std::vector<double>& metric) {
  const std::vector<std::vector<double>> basis = orthonormal(columns, metric);
  columns_ = basis.size();
  basis_.resize(patients_ * columns_);
  gram_.assign(columns_ * columns_, 0);
  residual_sums_.assign(columns_, 0);
  for (std::size_t i = 0; i < patients_; ++i) {
    double* const own = basis_.data() + i * columns_;
    for (std::size_t k = 0; k < columns_; ++k) own[k] = basis[k][i];
    for (std::size_t k = 0; k < columns_; ++k) {
      residual_sums_[k] += own[k] * residual_[i];
      for (std::size_t l = 0; l < columns_; ++l) gram_[k * columns_ + l] += own[k] * own[l];
    }
  }
}

double GeneScan::OwnMain::share_in(const std::vector<double>& coordinates) const {
  return dot(freed.data(), coordinates.data(), freed.size()) / dot(freed.data(), freed.data(), freed.size());
}

void GeneScan::place_main_effects(const ScanOptions& options, const std::vector<std::vector<double>>& columns,
                                  const std::vector<double>& metric) {
  // Among coordinates lengths and angles are the plain ones, and there are few of them.
  const std::vector<double> plain(columns_, 1.0);
  std::vector<std::vector<double>> coordinates(options.adjust.empty() ? 0 : columns.size(),
                                               std::vector<double>(columns_));
  for (std::size_t c = 0; c < coordinates.size(); ++c)
    for (std::size_t i = 0; i < patients_; ++i)
      for (std::size_t k = 0; k < columns_; ++k)
        coordinates[c][k] += metric[i] * row(std::uint32_t(i))[k] * columns[c][i];
  const std::size_t first = columns.size() - 2 * options.held.size() - options.adjust.size();
  for (std::size_t a = 0; a < options.adjust.size(); ++a) {
    std::vector<std::vector<double>> others = coordinates;
    others.erase(others.begin() + std::ptrdiff_t(first + a));
    OwnMain own{coordinates[first + a], coordinates[first + a]};
    free_of(orthonormal(others, plain), plain, own.freed);
    if (dot(plain, own.freed, own.freed) > kDependent * dot(plain, own.along, own.along))
      own_main_[options.adjust[a]] = std::move(own);
  }
}

void GeneScan::centre_residuals() {
  centred_ = residual_;
  for (std::size_t arm = 0; arm < 2; ++arm) {
    double mean = 0;
    for (const dim_t i : arms_[arm]) mean += residual_[std::size_t(i)] / double(arms_[arm].size());
    for (const dim_t i : arms_[arm]) {
      double& value = centred_[std::size_t(i)];
      value -= mean;
      squares_[arm] += value * value;
    }
  }
}

void GeneScan::list_carriers(const Cohort& cohort) {
  for (dim_t gene = 0; gene < cohort.num_genes(); ++gene) {
    for (const std::uint8_t arm : {0, 1}) {
      carriers_begin_.push_back(carriers_.size());
      const auto bits = cohort.genes.bits(gene);
      for (std::size_t word = 0; word < bits.size(); ++word) {
        for (std::uint64_t rest = bits[word]; rest != 0; rest &= rest - 1) {
          const std::size_t patient = word * 64 + std::size_t(std::countr_zero(rest));
          if (arm_[patient] == arm) carriers_.push_back(std::uint32_t(patient));
        }
      }
    }
  }
  carriers_begin_.push_back(carriers_.size());
}

void GeneScan::make_clusters(const std::vector<std::int32_t>& labels) {
  std::map<std::int32_t, std::int32_t> place;
  for (const std::int32_t label : labels)
    cluster_.push_back(place.try_emplace(label, std::int32_t(place.size())).first->second);
  clusters_ = place.size();
  cluster_basis_.assign(clusters_ * columns_, 0);
  for (std::size_t i = 0; i < patients_; ++i) {
    double* const sums = cluster_basis_.data() + std::size_t(cluster_[i]) * columns_;
    for (std::size_t k = 0; k < columns_; ++k) sums[k] += row(std::uint32_t(i))[k] * residual_[i];
  }
}

std::span<const std::uint32_t> GeneScan::carriers(dim_t gene, int arm) const {
  const std::size_t at = std::size_t(2 * gene + arm);
  return {carriers_.data() + carriers_begin_[at], carriers_begin_[at + 1] - carriers_begin_[at]};
}

dim_t GeneScan::least_carriers(dim_t gene) const {
  const auto untreated = dim_t(carriers(gene, 0).size()), treated = dim_t(carriers(gene, 1).size());
  if (arms_[0].empty() || arms_[1].empty()) return untreated + treated;
  return std::min(untreated, treated);
}

bool GeneScan::few_carriers(dim_t gene) const {
  for (const int arm : {0, 1}) {
    const auto all = dim_t(arms_[std::size_t(arm)].size()), with = dim_t(carriers(gene, arm).size());
    if (all > 0 && std::min(with, all - with) < kFewCarriers) return true;
  }
  return false;
}

GeneScan::GeneSums GeneScan::sums_of(const WorkingResiduals& residuals, dim_t gene) const {
  GeneSums sums;
  const auto untreated = carriers(gene, 0), treated = carriers(gene, 1);
  sums.who = {untreated.data(), untreated.size() + treated.size()};
  sums.untreated = untreated.size();
  // A patient's own curvature goes with the residual: the contrast, which replicates hold fixed, would depend on the
  // very residuals that are tested.
  for (const std::uint32_t i : sums.who) {
    sums.residual.push_back(residual_[i]);
    sums.curvature.push_back(own_curvature_ ? residuals.curvature()[i] : mean_curvature_[arm_[i]]);
  }
  sums.basis_change.assign(columns_, 0);
  return sums;
}

/// Newton's method for the main effect of a gene that is not adjusted for, the null model's other parameters held where
/// its score is free of them.
void GeneScan::remove_main_effect(const WorkingResiduals& residuals, GeneSums& sums) const {
  constexpr int kSteps = 6;
  constexpr double kLongestStep = 1.5;
  const std::size_t count = sums.who.size();
  double shift = 0, longest = 0;
  std::vector<double> along(columns_);
  for (int step = 0; step <= kSteps; ++step) {
    double score = 0, information = 0;
    std::fill(along.begin(), along.end(), 0.0);
    std::fill(sums.basis_change.begin(), sums.basis_change.end(), 0.0);
    for (std::size_t c = 0; c < count; ++c) {
      const double* const own = row(sums.who[c]);
      score += sums.residual[c];
      information += sums.curvature[c];
      for (std::size_t k = 0; k < columns_; ++k) {
        along[k] += sums.curvature[c] * own[k];
        sums.basis_change[k] += own[k] * (sums.residual[c] - residual_[sums.who[c]]);
      }
    }
    for (std::size_t k = 0; k < columns_; ++k) score -= along[k] * (residual_sums_[k] + sums.basis_change[k]);
    const double left = information - dot(along.data(), along.data(), columns_);
    if (step == kSteps || !(left > kLeastFreedom * information)) return;
    if (step == 0) {
      if (score * score < kStrongMainEffect * kStrongMainEffect * null_variance(sums)) return;
      longest = kLongestStep * std::sqrt(double(count) / left);
    }
    shift += std::clamp(score / left, -longest, longest);
    residuals.at_shift(sums.who, shift, sums.residual.data(), sums.curvature.data());
  }
}

/// The contrast c of the gene, freed of the basis and, for a product, of the main effect.
bool GeneScan::make_contrast(const GeneSums& sums, dim_t gene) {
  std::vector<double> main(columns_), product(columns_);
  double all = 0, both = 0;
  for (std::size_t c = 0; c < sums.who.size(); ++c) {
    const double* const own = row(sums.who[c]);
    all += sums.curvature[c];
    for (std::size_t k = 0; k < columns_; ++k) main[k] += sums.curvature[c] * own[k];
    if (c < sums.untreated) continue;
    both += sums.curvature[c];
    for (std::size_t k = 0; k < columns_; ++k) product[k] += sums.curvature[c] * own[k];
  }
  double* const along = along_.data() + std::size_t(gene) * columns_;
  double* const keep = keep_.data() + 2 * std::size_t(gene);
  const auto found = own_main_.find(gene);
  const OwnMain* const own = found == own_main_.end() ? nullptr : &found->second;
  if (own && test_ == ScanTest::kMain) return false;  // the null model has it
  const double main_left = own ? 0 : all - dot(main.data(), main.data(), columns_);
  if (!own && !(main_left > kLeastFreedom * all)) return false;
  keep[0] = keep[1] = 1;
  std::copy(main.begin(), main.end(), along);
  if (test_ == ScanTest::kProduct) {
    const double share = own ? own->share_in(product) : (both - dot(product.data(), main.data(), columns_)) / main_left;
    const double left = both - dot(product.data(), product.data(), columns_) - share * share * main_left;
    if (!(left > kLeastFreedom * both)) return false;
    keep[0] = -share;
    keep[1] = 1 - share;
    const std::vector<double>& of_main = own ? own->along : main;
    for (std::size_t k = 0; k < columns_; ++k) along[k] = product[k] - share * of_main[k];
  }
  double squares = 0, plain = 0;
  for (std::size_t c = 0; c < sums.who.size(); ++c) {
    const double weight = keep[c < sums.untreated ? 0 : 1];
    squares += weight * weight - 2 * weight * dot(row(sums.who[c]), along, columns_);
  }
  for (std::size_t k = 0; k < columns_; ++k) squares += along[k] * dot(gram_.data() + k * columns_, along, columns_);
  for (const std::size_t arm : {0, 1}) {
    if (arms_[arm].empty()) continue;
    const double count = double(sums.arms()[arm].size());
    plain += keep[arm] * keep[arm] * count * (1 - count / double(arms_[arm].size()));
  }
  if (!(plain > 0) || !(squares > kLeastFreedom * plain)) return false;
  error_scale_[std::size_t(gene)] = squares / plain;
  return true;
}

double GeneScan::numerator(const GeneSums& sums, dim_t gene) const {
  const double* const keep = keep_.data() + 2 * std::size_t(gene);
  double score = 0;
  for (std::size_t c = 0; c < sums.who.size(); ++c) score += keep[c < sums.untreated ? 0 : 1] * sums.residual[c];
  const double* const along = along_.data() + std::size_t(gene) * columns_;
  for (std::size_t k = 0; k < columns_; ++k) score -= along[k] * (residual_sums_[k] + sums.basis_change[k]);
  return score;
}

double GeneScan::patient_variance(const GeneSums& sums, dim_t gene) const {
  double variance = 0;
  std::size_t c = 0;
  for (const std::size_t arm : {0, 1}) {
    Moments with, others{0, squares_[arm]};
    const auto who = sums.arms()[arm];
    for (const std::uint32_t i : who) {
      const double residual = sums.residual[c++];
      with.sum += residual;
      with.squares += residual * residual;
      others.sum -= centred_[i];
      others.squares -= centred_[i] * centred_[i];
    }
    variance += arm_variance(keep_[2 * std::size_t(gene) + arm], double(arms_[arm].size()), double(who.size()),
                             squares_[arm], with, others);
  }
  return error_scale_[std::size_t(gene)] * variance;
}

/// Makes the gene's contributions by cluster, too.
double GeneScan::cluster_variance(const GeneSums& sums, dim_t gene) {
  const double* const keep = keep_.data() + 2 * std::size_t(gene);
  const double* const along = along_.data() + std::size_t(gene) * columns_;
  std::vector<double> contribution(clusters_);
  for (std::size_t f = 0; f < clusters_; ++f)
    contribution[f] = -dot(cluster_basis_.data() + f * columns_, along, columns_);
  for (std::size_t c = 0; c < sums.who.size(); ++c) {
    const std::uint32_t i = sums.who[c];
    contribution[std::size_t(cluster_[i])] += (keep[c < sums.untreated ? 0 : 1] * sums.residual[c] -
                                               dot(row(i), along, columns_) * (sums.residual[c] - residual_[i]));
  }
  const double variance = dot(contribution.data(), contribution.data(), clusters_);
  const double inverse = variance > 0 ? 1 / std::sqrt(variance) : 0;
  for (std::size_t f = 0; f < clusters_; ++f)
    cluster_sums_[std::size_t(gene) * clusters_ + f] = float(contribution[f] * inverse);
  return variance;
}

/// Of the sum of the carriers' residuals, if they are drawn from their arms'.
double GeneScan::null_variance(const GeneSums& sums) const {
  double variance = 0;
  for (const std::size_t arm : {0, 1}) {
    const double all = double(arms_[arm].size()), with = double(sums.arms()[arm].size());
    if (all > 1) variance += with * (1 - with / all) * squares_[arm] / (all - 1);
  }
  return variance;
}

void GeneScan::test_gene(const WorkingResiduals& residuals, dim_t gene) {
  GeneSums sums = sums_of(residuals, gene);
  if (sums.who.empty()) return;
  const bool has_main = own_main_.contains(gene);
  if (test_ == ScanTest::kProduct && !has_main && !few_carriers(gene)) remove_main_effect(residuals, sums);
  if (!make_contrast(sums, gene)) return;
  const double variance = clusters_ > 0 ? cluster_variance(sums, gene) : patient_variance(sums, gene);
  if (variance > 0) {
    z_[std::size_t(gene)] = numerator(sums, gene) / std::sqrt(variance);
  } else {
    error_scale_[std::size_t(gene)] = 0;
  }
}

GeneScan::Draw GeneScan::draw(std::uint64_t seed, dim_t batch) const {
  Draw draw;
  draw.lanes.resize((clusters_ > 0 ? clusters_ : patients_) * kLanes);
  for (int lane = 0; lane < kLanes; ++lane) {
    SampleRandom random(seed, RandomPurpose::kGeneSplit, 2, batch * kLanes + lane);
    if (clusters_ > 0) {
      for (std::size_t f = 0; f < clusters_; ++f) draw.lanes[f * kLanes + std::size_t(lane)] = random.below(2) ? 1 : -1;
      continue;
    }
    for (const std::vector<dim_t>& patients : arms_) {
      std::vector<dim_t> from = patients;
      for (std::size_t i = from.size(); i > 1; --i) std::swap(from[i - 1], from[std::size_t(random.below(dim_t(i)))]);
      for (std::size_t i = 0; i < from.size(); ++i)
        draw.lanes[std::size_t(patients[i]) * kLanes + std::size_t(lane)] = float(centred_[std::size_t(from[i])]);
    }
  }
  if (clusters_ > 0) return draw;
  std::vector<double> sums(columns_ * kLanes);
  for (std::size_t i = 0; i < patients_; ++i) {
    for (std::size_t k = 0; k < columns_; ++k) {
      const double q = row(std::uint32_t(i))[k];
      for (std::size_t lane = 0; lane < kLanes; ++lane) sums[k * kLanes + lane] += q * draw.lanes[i * kLanes + lane];
    }
  }
  draw.sums.assign(sums.begin(), sums.end());
  return draw;
}

std::array<float, GeneScan::kLanes> GeneScan::null_statistics(dim_t gene, const Draw& draw) const {
  if (!testable(gene)) return {};
  return clusters_ > 0 ? flipped_statistics(gene, draw) : permuted_statistics(gene, draw);
}

std::array<float, GeneScan::kLanes> GeneScan::permuted_statistics(dim_t gene, const Draw& draw) const {
  const auto at = std::size_t(gene);
  double score[kLanes] = {}, variance[kLanes] = {};
  for (const std::size_t arm : {0, 1}) {
    float sum[kLanes] = {}, squares[kLanes] = {};
    const auto who = carriers(gene, int(arm));
    for (const std::uint32_t i : who) {
      const float* const values = draw.lanes.data() + std::size_t(i) * kLanes;
      for (int lane = 0; lane < kLanes; ++lane) {
        sum[lane] += values[lane];
        squares[lane] += values[lane] * values[lane];
      }
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      score[lane] += keep_[2 * at + arm] * double(sum[lane]);
      variance[lane] += arm_variance(keep_[2 * at + arm], double(arms_[arm].size()), double(who.size()), squares_[arm],
                                     {sum[lane], squares[lane]}, {-sum[lane], squares_[arm] - squares[lane]});
    }
  }
  for (std::size_t k = 0; k < columns_; ++k) {
    const double along = along_[at * columns_ + k];
    for (std::size_t lane = 0; lane < kLanes; ++lane) score[lane] -= along * double(draw.sums[k * kLanes + lane]);
  }
  std::array<float, kLanes> z{};
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    if (variance[lane] > 0) z[lane] = float(score[lane] / std::sqrt(error_scale_[at] * variance[lane]));
  return z;
}

std::array<float, GeneScan::kLanes> GeneScan::flipped_statistics(dim_t gene, const Draw& draw) const {
  const float* const contribution = cluster_sums_.data() + std::size_t(gene) * clusters_;
  std::array<float, kLanes> z{};
  for (std::size_t f = 0; f < clusters_; ++f)
    for (std::size_t lane = 0; lane < kLanes; ++lane) z[lane] += contribution[f] * draw.lanes[f * kLanes + lane];
  return z;
}

}  // namespace engram::genes
