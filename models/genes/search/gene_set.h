#pragma once
/// Sets of candidate genes as bits.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace engram::genes {

/// A set of the candidates 0 .. kMaxGenes - 1 that a filter kept, as two words (docs/methods/genes.md, "Fitness").
class GeneSet {
 public:
  static constexpr int kMaxGenes = 128;

  GeneSet() = default;
  GeneSet(std::initializer_list<int> genes) {
    for (int gene : genes) insert(gene);
  }

  bool contains(int gene) const { return (words_[index(gene)] & bit(gene)) != 0; }
  void insert(int gene) { words_[index(gene)] |= bit(gene); }
  void erase(int gene) { words_[index(gene)] &= ~bit(gene); }
  void flip(int gene) { words_[index(gene)] ^= bit(gene); }

  /// The set with one gene put in or taken out.
  GeneSet flipped(int gene) const {
    GeneSet other = *this;
    other.flip(gene);
    return other;
  }

  int size() const { return std::popcount(words_[0]) + std::popcount(words_[1]); }
  bool empty() const { return (words_[0] | words_[1]) == 0; }

  /// Hamming distance: the number of genes that are in one of the two only.
  int distance(const GeneSet& other) const {
    return std::popcount(words_[0] ^ other.words_[0]) + std::popcount(words_[1] ^ other.words_[1]);
  }

  /// The genes in it, ascending.
  std::vector<int> members() const {
    std::vector<int> genes;
    for (int w = 0; w < 2; ++w) {
      for (std::uint64_t rest = words_[std::size_t(w)]; rest != 0; rest &= rest - 1)
        genes.push_back(64 * w + std::countr_zero(rest));
    }
    return genes;
  }

  std::uint64_t word(int which) const { return words_[std::size_t(which)]; }

  bool operator==(const GeneSet&) const = default;

 private:
  static std::size_t index(int gene) { return std::size_t(gene) >> 6; }
  static std::uint64_t bit(int gene) { return std::uint64_t{1} << (gene & 63); }

  std::array<std::uint64_t, 2> words_{};
};

/// Hash of the bits (the finaliser of SplitMix64 over both words).
struct GeneSetHash {
  std::size_t operator()(const GeneSet& set) const { return std::size_t(mix(set.word(0) ^ mix(set.word(1)))); }

 private:
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
};

}  // namespace engram::genes
