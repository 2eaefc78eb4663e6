#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "kernels/backend.h"
#include "kernels/common/parallel.h"
#include "kernels/random/random.h"
#include "models/genes/simulator_parts.h"

namespace engram::genes {
namespace {

/// `count` different numbers out of 0 .. range - 1: the first steps of Fisher and Yates' shuffle.
std::vector<dim_t> draw_different(PurposeStream::Item item, dim_t range, dim_t count) {
  std::vector<dim_t> numbers(static_cast<std::size_t>(range));
  std::iota(numbers.begin(), numbers.end(), dim_t{0});
  for (dim_t i = 0; i < count; ++i) {
    const dim_t other = i + item.integer(static_cast<std::uint32_t>(range - i));
    std::swap(numbers[static_cast<std::size_t>(i)], numbers[static_cast<std::size_t>(other)]);
  }
  numbers.resize(static_cast<std::size_t>(count));
  return numbers;
}

/// Writes one bit a patient, 1 with the probability, into column[words_per_gene]: patient i takes word i of the item.
void draw_bits(const PurposeStream& stream, dim_t item, double probability, dim_t patients, std::uint64_t* column) {
  constexpr dim_t kChunk = 4096;
  float values[kChunk];
  for (dim_t first = 0; first < patients; first += kChunk) {
    const dim_t count = std::min(kChunk, patients - first);
    const std::uint64_t offset =
        PurposeStream::first_word(static_cast<std::uint64_t>(item)) + static_cast<std::uint64_t>(first);
    kernels::cpu_backend().random.bernoulli({}, {values, count, {stream.seed(), offset}, probability, 1.f});
    for (dim_t i = 0; i < count; i += 64) {
      std::uint64_t word = 0;
      for (dim_t b = 0; b < std::min(dim_t{64}, count - i); ++b) word |= std::uint64_t{values[i + b] != 0} << b;
      column[(first + i) / 64] = word;
    }
  }
}

/// Genes of a linkage block share a normal factor: gene j is altered where
/// sqrt(r) W + sqrt(1 - r) E lies below the quantile of its frequency.
void draw_linked_bits(const SimulationTruth& truth, dim_t gene, std::uint64_t* column) {
  const SimulatorSettings& s = truth.settings;
  const auto stream_of = [&](const char* what, dim_t number) {
    return PurposeStream(truth.seed, (what + std::to_string(number)).c_str());
  };
  const PurposeStream shared = stream_of("linkage block ", gene / s.linkage_block),
                      own = stream_of("linked gene ", gene);
  const double shared_weight = std::sqrt(s.linkage_correlation), own_weight = std::sqrt(1 - s.linkage_correlation);
  const double threshold = portable_normal_quantile(truth.gene_frequency[static_cast<std::size_t>(gene)]);
  std::fill(column, column + GeneColumns::words_per_gene(s.patients), std::uint64_t{0});
  for (dim_t i = 0; i < s.patients; ++i) {
    const auto item = static_cast<std::uint64_t>(i);
    const double x = shared_weight * shared.item(item).normal() + own_weight * own.item(item).normal();
    column[i / 64] |= std::uint64_t{x < threshold} << (i % 64);
  }
}

}  // namespace

void draw_roles(SimulationTruth& truth) {
  const SimulatorSettings& s = truth.settings;
  const PurposeStream stream(truth.seed, "roles");
  const dim_t decoys = kNumKeyGenes * s.decoys_per_key_gene;
  const std::vector<dim_t> chosen =
      draw_different(stream.item(0), s.genes, kNumKeyGenes + kNumPrognosticGenes + decoys);
  truth.key.assign(chosen.begin(), chosen.begin() + kNumKeyGenes);
  truth.prognostic.assign(chosen.begin() + kNumKeyGenes, chosen.begin() + kNumKeyGenes + kNumPrognosticGenes);
  truth.decoy.assign(chosen.begin() + kNumKeyGenes + kNumPrognosticGenes, chosen.end());
  for (dim_t d = 0; d < decoys; ++d)
    truth.decoy_of.push_back(truth.key[static_cast<std::size_t>(d / s.decoys_per_key_gene)]);
  for (const double effect : kKeyEffect) truth.key_effect.push_back(s.key_scale * effect);
  truth.prognostic_effect.assign(std::begin(kPrognosticEffect), std::end(kPrognosticEffect));
  for (int k = 0; k < kNumDrivenClinical; ++k) {
    truth.clinical_parents.push_back(
        draw_different(stream.item(static_cast<std::uint64_t>(1 + k)), s.genes, s.clinical_parents));
  }
  for (const dim_t k : draw_different(stream.item(7), kNumKeyGenes, s.treatment_key_genes)) {
    truth.treatment_genes.push_back(truth.key[static_cast<std::size_t>(k)]);
  }
  truth.hidden_leak_genes = draw_different(stream.item(8), s.genes, s.hidden_leak_genes);
  if (s.key_scale == 0) {
    truth.key.clear();
    truth.key_effect.clear();
  }
}

GeneColumns draw_genes(SimulationTruth& truth) {
  const SimulatorSettings& s = truth.settings;
  const PurposeStream frequencies(truth.seed, "gene frequencies"), genes(truth.seed, "genes"),
      copies(truth.seed, "decoys");
  truth.gene_frequency.assign(static_cast<std::size_t>(s.genes), s.gene_frequency);
  for (std::size_t j = 0; s.beta_frequencies && j < truth.gene_frequency.size(); ++j) {
    truth.gene_frequency[j] = std::clamp(frequencies.item(j).beta(s.beta_a, s.beta_b), 0.02, 0.5);
  }
  const dim_t words = GeneColumns::words_per_gene(s.patients);
  std::vector<std::uint64_t> bits(static_cast<std::size_t>(words * s.genes));
  kernels::parallel_for(s.genes, s.patients, [&](dim_t j) {
    std::uint64_t* column = bits.data() + j * words;
    if (s.linkage_block > 0) {
      draw_linked_bits(truth, j, column);
    } else {
      draw_bits(genes, j, truth.gene_frequency[static_cast<std::size_t>(j)], s.patients, column);
    }
  });
  std::vector<std::uint64_t> copied(static_cast<std::size_t>(words));
  for (std::size_t d = 0; d < truth.decoy.size(); ++d) {
    draw_bits(copies, truth.decoy[d], s.decoy_rho, s.patients, copied.data());
    std::uint64_t* column = bits.data() + truth.decoy[d] * words;
    const std::uint64_t* key = bits.data() + truth.decoy_of[d] * words;
    for (dim_t w = 0; w < words; ++w) {
      const std::uint64_t mask = copied[static_cast<std::size_t>(w)];
      column[w] = (mask & key[w]) | (~mask & column[w]);
    }
  }
  return GeneColumns(s.patients, s.genes, std::move(bits));
}

std::vector<double> weighted_carriers(const GeneColumns& genes, const std::vector<dim_t>& columns,
                                      const std::vector<double>& weights) {
  std::vector<double> sum(static_cast<std::size_t>(genes.num_patients()));
  for (std::size_t k = 0; k < columns.size(); ++k) {
    for (dim_t i = 0; i < genes.num_patients(); ++i) {
      if (genes.at(i, columns[k])) sum[static_cast<std::size_t>(i)] += weights[k];
    }
  }
  return sum;
}

}  // namespace engram::genes
