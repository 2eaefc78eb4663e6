#pragma once
/// Functions and distributions whose results have the same bits on every platform: chains of IEEE additions,
/// multiplications, divisions and square roots, each rounded by itself. The simulator's sources are compiled without
/// contraction to fused multiply-adds (models/CMakeLists.txt); the C library's functions, whose last bit differs
/// between libraries, are not used.

#include <cstdint>

namespace engram::genes {

/// Natural logarithm of x > 0 (normal numbers), error below 2 units in the last place.
double portable_log(double x);

/// e^x, relative error below 1e-15; 0 below -708, infinity above 709.
double portable_exp(double x);

/// 1 / (1 + e^-x).
double portable_logistic(double x);

/// Distribution function of the standard normal law, absolute error below 1e-15 (Marsaglia 2004: a series about 0).
double portable_normal_cdf(double x);

/// The x with portable_normal_cdf(x) = p, for p in [1e-9, 1 - 1e-9], by bisection to 1e-12.
double portable_normal_quantile(double p);

/// Random numbers of one purpose. Each item has a stretch of the Philox stream for itself, so that an item's numbers
/// depend on (seed, purpose, item) only: more patients or genes leave those of the others as they were.
class PurposeStream {
 public:
  /// The stream of (seed, purpose): its Philox seed is a hash of both.
  PurposeStream(std::uint64_t seed, const char* purpose);

  /// The item's 32-bit words, from word 0.
  class Item {
   public:
    Item(std::uint64_t seed, std::uint64_t item) : seed_(seed), first_block_(item << kItemBits) {}

    /// The next word.
    std::uint32_t word();
    /// Uniform on (k + 1/2) 2^-52, k = 0 .. 2^52 - 1.
    double uniform();
    /// Standard normal (Marsaglia's polar method; one value of each pair is used).
    double normal();
    /// Standard exponential.
    double exponential();
    /// Gamma with the shape and scale 1 (Marsaglia and Tsang 2000; below shape 1 by their boost).
    double gamma(double shape);
    /// Beta(a, b), as a ratio of gammas.
    double beta(double a, double b);
    /// Logistic law with mean 0 and standard deviation 1.
    double logistic();
    /// Uniform on 0 .. range - 1 (uneven by at most range / 2^32).
    std::uint32_t integer(std::uint32_t range);

    /// An item has 2^kItemBits blocks of four words.
    static constexpr int kItemBits = 22;

   private:
    std::uint64_t seed_, first_block_, position_ = 0;
    std::uint32_t words_[4] = {};
  };

  /// Position in the Philox stream of the item's word 0.
  static std::uint64_t first_word(std::uint64_t item) { return item << (Item::kItemBits + 2); }

  Item item(std::uint64_t item) const { return Item(seed_, item); }

  /// The seed of the Philox stream.
  std::uint64_t seed() const { return seed_; }

 private:
  std::uint64_t seed_;
};

}  // namespace engram::genes
