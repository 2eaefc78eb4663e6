#pragma once
/// One studentised score statistic a gene, and its law when nothing is there (docs/genes.md, "Inference").

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "models/genes/term_model.h"
#include "models/genes/working_residuals.h"

namespace engram::genes {

/// What a scan asks of each gene.
enum class ScanTest {
  kProduct,  ///< g x treatment, with the gene's main effect in the null
  kMain,     ///< the gene alone
};

/// The model without the gene.
struct ScanOptions {
  Likelihood likelihood = Likelihood::kLogLogistic;  ///< Cox: with a baseline hazard for each arm if `treatment`
  ScanTest test = ScanTest::kProduct;
  bool treatment = true, clinical = true;  ///< columns of the null model; without `treatment` there is one arm
  std::vector<dim_t> adjust;               ///< genes whose main effect is in the null model; their product is tested
  std::vector<dim_t> held;                 ///< genes whose main effect and product are; they are not tested
  /// GeneScan::fit_factor() of a scan of all genes: a scan of few does not know it. Empty: from the scan's own genes.
  std::optional<double> fit_factor = std::nullopt;
  /// The tested columns are freed of the null model's in the metric of each patient's own curvature, as that model's
  /// are of each other; otherwise in that of the arm's mean, which does not depend on the residuals that replicates
  /// permute. For statistics without replicates, of models in which carriers have other hazards than the arm.
  bool own_curvature = false;
};

/// The statistics of all genes at one fitted null model.
///
/// A gene's statistic is the score U = sum of c_i r_i over its studentised error: r are the null model's residuals
/// (WorkingResiduals) and c the product, freed of the null model's columns and of the gene's own main effect in the
/// metric of the curvatures, so that nuisance parameters do not move U to first order. A main effect beyond three
/// standard errors is estimated and taken out of the carriers' residuals first. The error is a sandwich in each arm:
/// carriers and others have variances of their own, the former drawn towards the arm's with the strength of
/// kPriorCarriers patients (a handful of carriers has no variance to speak of). What the null model's columns take of a
/// gene's contrast by chance, in the middle of all genes, is not credited to the data's statistics: the residuals were
/// made free of these columns, so no gene's score is smaller for it.
///
/// Its null law: the residuals are permuted within the arms and the same statistic is computed from them. That is exact
/// where patients of an arm are exchangeable, and right for large samples where only their variances differ, because
/// the statistic is studentised (Janssen 1997; DiCiccio and Romano 2017). Where the cohort has clusters, the signs of
/// whole clusters' contributions are flipped instead (Hemerik, Goeman and Finos 2020), and the error is that of sums
/// over clusters. All genes share a replicate, so the law of their maximum is that of dependent genes.
class GeneScan {
 public:
  /// Replicates computed side by side.
  static constexpr int kLanes = 8;
  /// Genes with fewer carriers in an arm than this are no part of a family (`few_carriers`).
  static constexpr dim_t kFewCarriers = 5;

  /// Fits the null model. `cohort` must be usable_patients() of the likelihood, with both arms if `treatment`, and
  /// outlive the scan.
  GeneScan(const Cohort& cohort, const ScanOptions& options);

  dim_t num_genes() const { return dim_t(z_.size()); }
  /// The statistics: positive for more benefit from treatment (kMain: for longer life); 0 where not testable.
  const std::vector<double>& z() const { return z_; }
  /// By what the statistics of the data, and not those of replicates, were multiplied for what the null model's columns
  /// take of a gene's contrast by chance: at most 1.
  double fit_factor() const { return fit_factor_; }
  /// Whether the tested column varies freely of the null model and the gene's main effect.
  bool testable(dim_t gene) const { return error_scale_[std::size_t(gene)] > 0; }
  /// Whether an arm has fewer than kFewCarriers carriers, or fewer than that without the gene.
  bool few_carriers(dim_t gene) const;
  /// Fewest carriers in an arm.
  dim_t least_carriers(dim_t gene) const;

  /// What kLanes replicates share: permuted residuals or signs, and their sums over the null model's columns.
  struct Draw {
    std::vector<float> lanes;  // [patients or clusters, kLanes]
    std::vector<float> sums;   // [columns, kLanes]
  };
  /// Replicates kLanes * batch and following; they depend on the seed and their number alone.
  Draw draw(std::uint64_t seed, dim_t batch) const;
  /// The gene's statistic in each of the draw's replicates; zeros where it is not testable.
  std::array<float, kLanes> null_statistics(dim_t gene, const Draw& draw) const;

 private:
  struct GeneSums;
  /// The main effect of a gene of ScanOptions::adjust, by its coordinates in the basis.
  struct OwnMain {
    std::vector<double> along;  // itself
    std::vector<double> freed;  // less what the null model's other columns explain of it
    /// Its coefficient in the regression of a column with these coordinates on the null model's columns.
    double share_in(const std::vector<double>& coordinates) const;
  };

  void make_basis(const std::vector<std::vector<double>>& columns, const std::vector<double>& metric);
  void place_main_effects(const ScanOptions& options, const std::vector<std::vector<double>>& columns,
                          const std::vector<double>& metric);
  void centre_residuals();
  double middle_of_fits() const;
  void make_clusters(const std::vector<std::int32_t>& labels);
  void list_carriers(const Cohort& cohort);
  void test_gene(const WorkingResiduals& residuals, dim_t gene);
  GeneSums sums_of(const WorkingResiduals& residuals, dim_t gene) const;
  void remove_main_effect(const WorkingResiduals& residuals, GeneSums& sums) const;
  bool make_contrast(const GeneSums& sums, dim_t gene);
  double numerator(const GeneSums& sums, dim_t gene) const;
  double null_variance(const GeneSums& sums) const;
  double patient_variance(const GeneSums& sums, dim_t gene) const;
  double cluster_variance(const GeneSums& sums, dim_t gene);
  std::array<float, kLanes> permuted_statistics(dim_t gene, const Draw& draw) const;
  std::array<float, kLanes> flipped_statistics(dim_t gene, const Draw& draw) const;
  std::span<const std::uint32_t> carriers(dim_t gene, int arm) const;
  const double* row(std::uint32_t patient) const { return basis_.data() + std::size_t(patient) * columns_; }

  ScanTest test_;
  double fit_factor_ = 1;
  bool own_curvature_ = false;
  std::size_t patients_ = 0, columns_ = 0;
  std::vector<std::uint8_t> arm_;             // [patients]
  std::array<std::vector<dim_t>, 2> arms_;    // patients of each
  std::vector<double> basis_;                 // [patients, columns] orthonormal in the metric of the curvatures
  std::vector<double> gram_, residual_sums_;  // [columns, columns] and [columns]: plain products of the basis
  std::vector<double> residual_;              // [patients]
  std::vector<double> centred_;               // [patients] residuals less the arm's mean: what is permuted
  std::array<double, 2> squares_{};           // of centred_, by arm
  std::array<double, 2> mean_curvature_{};    // by arm
  std::vector<std::uint32_t> carriers_;       // of all genes, untreated before treated
  std::vector<std::size_t> carriers_begin_;   // [genes, 2] and an end
  std::vector<double> keep_;                  // [genes, 2] weight of untreated and of treated carriers in c
  std::vector<double> along_;                 // [genes, columns] of the basis in c
  std::map<dim_t, OwnMain> own_main_;         // of the genes that are adjusted for
  std::vector<double> error_scale_;  // [genes] sum of c^2 over what it would be without a basis; 0: not testable
  std::vector<double> z_;
  std::vector<std::int32_t> cluster_;  // [patients] 0 to clusters - 1; empty without clusters
  std::size_t clusters_ = 0;
  std::vector<double> cluster_basis_;  // [clusters, columns] sums of basis x residual
  std::vector<float> cluster_sums_;    // [genes, clusters] contributions to U over its error
};

}  // namespace engram::genes
