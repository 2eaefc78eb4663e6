/// The loss's sum on AVX2, 128 rows of 16,385 choices among 50,000 scores, in ms of CPU time on one thread of a busy
/// machine: 26 with choices gathered sixteen at a time where they are used; 17 with blocks of them gathered first,
/// whose loads are under way together; 11 with comparisons on halves of vectors, and no less with lanes.h. Of these 6
/// are the gathering, which waits for memory; spreading the derivative takes 5 more.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"
#include "kernels/noise_contrast/noise_contrast.h"

namespace engram::kernels {
namespace {

/// Values that are summed in f32 lanes before they go to double.
constexpr dim_t kBlock = 1024;

/// A sample's scores and the places in them that it is held against.
struct Row {
  const float* scores;
  const std::int32_t* chosen;
  dim_t count;
};

/// Chosen scores [begin, end), moved together: a loop of nothing but loads has many of them on their way at once, and
/// what follows reads whole vectors.
ENGRAM_ALWAYS_INLINE void gather(const Row& row, dim_t begin, dim_t end, float* values) {
  for (dim_t k = begin; k < end; ++k) values[k - begin] = row.scores[row.chosen[k]];
}

/// log(1 + x) with u = 1 + x, r = 1 / u, for 0 <= x < 2^126: the logarithm of u (polynomial of Cephes' logf, error
/// below 1 ulp) and what the sum u lost of x. A NaN stays.
template <class V>
ENGRAM_ALWAYS_INLINE V log1p16(V x, V u, V r) {
  constexpr std::int32_t kHalfRoot = 0x3f3504f3;  // sqrt(1/2)
  const auto above = bits_of(u) - kHalfRoot;
  const auto exponent = above >> 23;
  const V f = from_bits(bits_of(u) - (exponent << 23)) - 1.f, e = to_floats(exponent);
  V p = splat<V>(7.0376836292e-2f);
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const V square = f * f, low = e * -2.12194440e-4f - 0.5f * square + square * f * p;
  return (f + low + e * 0.693359375f) + (x - (u - 1.f)) * r;
}

/// Sum of exp(score) over the chosen.
template <class V>
ENGRAM_ALWAYS_INLINE double sum_of_exps_lanes(const Row& row) {
  float scores[kBlock];
  double sum = 0;
  for (dim_t block = 0; block < row.count; block += kBlock) {
    const dim_t end = std::min(row.count, block + kBlock);
    gather(row, block, end, scores);
    V exps = {};
    for_lanes(
        0, end - block, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          exps += exp16(load_lanes<V>(scores + i, lanes, -1000.f));
        });
    sum += sum_lanes(exps);
  }
  return sum;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(double, sum_of_exps, (const Row& row), (row))

/// Sum of log(1 + e + q) over the chosen; slopes, if not null, become scale q / (1 + e + q).
template <class V>
ENGRAM_ALWAYS_INLINE double sum_of_logs_lanes(const Row& row, float log_zm, float e, float scale, float* slopes) {
  float scores[kBlock];
  double sum = 0;
  for (dim_t block = 0; block < row.count; block += kBlock) {
    const dim_t end = std::min(row.count, block + kBlock);
    gather(row, block, end, scores);
    V logs = {};
    for_lanes(
        0, end - block, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          const V log_q = load_lanes<V>(scores + i, lanes) - log_zm, low = select(log_q > 80.f, splat<V>(80.f), log_q);
          const V q = normal_exp16(select(low < -86.f, splat<V>(-86.f), low)), x = q + e, u = x + 1.f, r = 1.f / u;
          const V log = log1p16(x, u, r) + (log_q - low);  // beyond the bound log(1 + q) grows as log q
          logs += lanes == 16 ? log : select(first_lanes16<V>(lanes), log, V{});
          if (slopes) store_lanes(slopes + block + i, scale * (q * r), lanes);
        });
    sum += sum_lanes(logs);
  }
  return sum;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(double, sum_of_logs,
                                (const Row& row, float log_zm, float e, float scale, float* slopes),
                                (row, log_zm, e, scale, slopes))

/// derivative[chosen[k]] += slopes[k], zeros elsewhere.
void spread(const Row& row, const float* slopes, dim_t images, float* derivative) {
  std::memset(derivative, 0, std::size_t(images) * sizeof(float));
  for (dim_t k = 0; k < row.count; ++k) derivative[row.chosen[k]] += slopes[k];
}

void draw(Stream, const ContrastDrawArgs& args) {
  parallel_for(args.rows, args.negatives, [&](dim_t r) {
    const float* uniform = args.uniform + r * args.negatives;
    std::int32_t* chosen = args.chosen + r * (1 + args.negatives);
    const std::int32_t begin = args.class_begin[args.labels[r]], size = args.class_size[args.labels[r]];
    const float others = float(args.images - size);
    *chosen++ = args.samples[r];
    for (dim_t k = 0; k < args.negatives; ++k) {
      const auto rank = std::int32_t(uniform[k] * others);
      chosen[k] = args.by_class[rank < begin ? rank : rank + size];
    }
  });
}

void loss(Stream, const ContrastLossArgs& args) {
  const dim_t per_row = 1 + args.negatives;
  auto* sums = static_cast<double*>(args.workspace);  // one a row, then the slopes at its choices
  auto* all_slopes = reinterpret_cast<float*>(sums + args.rows);
  const auto row = [&](dim_t r) { return Row{args.scores + r * args.images, args.chosen + r * per_row, per_row}; };
  const auto total = [&] {
    double sum = 0;
    for (dim_t r = 0; r < args.rows; ++r) sum += sums[r];
    return sum;
  };
  float z = *args.z_in;
  if (z == 0) {
    parallel_for(args.rows, per_row, [&](dim_t r) { sums[r] = sum_of_exps(row(r)); });
    z = float(total() / double(args.rows * per_row) * double(args.images));
  }
  *args.z_out = z;
  const double m = double(args.negatives) / double(args.images), log_zm = std::log(z * m);
  parallel_for(args.rows, per_row, [&](dim_t r) {
    const Row one = row(r);
    float* slopes = args.derivative ? all_slopes + r * per_row : nullptr;
    const double own = one.scores[one.chosen[0]] - log_zm;  // before the derivative takes its place
    sums[r] = sum_of_logs(one, float(log_zm), float(1e-7 / m), 1 / float(args.rows), slopes) - own;
    if (!slopes) return;
    slopes[0] -= 1 / float(args.rows);
    spread(one, slopes, args.images, args.derivative + r * args.images);
  });
  *args.loss = float(total() / double(args.rows));
}

/// A row of the bank on its way to an embedding.
void mix_row(const float* embedding, float momentum, dim_t width, float* row) {
  double squares = 0;
  for (dim_t i = 0; i < width; ++i) {
    row[i] = momentum * row[i] + (1 - momentum) * embedding[i];
    squares += double(row[i]) * row[i];
  }
  const float norm = float(std::sqrt(squares));
  for (dim_t i = 0; i < width; ++i) row[i] /= norm;
}

void mix(Stream, const ContrastMixArgs& args) {
  parallel_for(args.rows, args.width, [&](dim_t r) {
    const std::int32_t* end = args.samples + args.rows;
    if (std::find(args.samples + r + 1, end, args.samples[r]) != end) return;
    mix_row(args.embeddings + r * args.width, args.momentum, args.width, args.bank + args.samples[r] * args.width);
  });
}

std::size_t loss_workspace_bytes(dim_t rows, dim_t negatives, dim_t /*images*/) {
  return std::size_t(rows) * (sizeof(double) + std::size_t(1 + negatives) * sizeof(float));
}

}  // namespace

Cost contrast_draw_cost(dim_t rows, dim_t negatives) {
  return {rows * (8 + 8 * negatives), rows * 4 * (1 + negatives), 2 * rows * negatives};
}

Cost contrast_loss_cost(dim_t rows, dim_t negatives, dim_t images, bool derivative) {
  const dim_t chosen = rows * (1 + negatives), scores = rows * images;
  return {4 * (scores + chosen), derivative ? 4 * scores : 0, 8 * chosen};
}

Cost contrast_mix_cost(dim_t rows, dim_t width) {
  return {rows * (4 + 8 * width), 4 * rows * width, 6 * rows * width};
}

const NoiseContrastKernels kCpuNoiseContrast = {draw, loss, mix, loss_workspace_bytes};

}  // namespace engram::kernels
