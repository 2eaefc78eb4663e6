/// Plans of Winograd convolutions on the CPU.
///
/// Their story. oneDNN's kernels came first: Winograd with AVX-512 only, direct sums in blocks of 8 channels without it
/// (commit 893299e, 1.75 times as fast as matrix products). Our own began with AVX2 (fd936b2): mostly two to four times
/// as fast as the direct kernels. Two panels a point in turn and 48 tiles at a time cut the traffic in the third-level
/// cache (da0497a). Prefetches of the next part made them the kernels for AVX-512 too (d7e4043): 1.0 to 1.65 times as
/// fast as oneDNN's Winograd. Sums in parts of 32 products cost 5 % and keep whole trajectories near the exact ones.
/// What limits them now: the third-level cache, before the arithmetic (docs/results/peers.md).

#include <algorithm>
#include <utility>

#include "kernels/batch_norm/channel_passes.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/conv2d/conv2d_plan.h"
#include "kernels/conv2d/weight_pack_cache.h"
#include "kernels/conv2d/winograd_stages.h"

namespace engram::kernels {
namespace {

using winograd::kDepth;
using winograd::Stages;
using winograd::TileGrid;

/// Most bytes of transformed weights that a thread reads for each of its blocks of tiles.
constexpr dim_t kMaxWeights = dim_t{4} << 20;
/// Bytes of transformed activations that all threads share: they stay in the third-level cache.
constexpr dim_t kSharedActivations = dim_t{16} << 20;

constexpr dim_t round_up(dim_t value, dim_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Floats between tiles or points: an odd number of cache lines, for powers of two would crowd a few sets of the
/// caches.
constexpr dim_t odd_lines(dim_t count) {
  constexpr dim_t kLine = 16;
  return round_up(count, 2 * kLine) + kLine;
}

/// Consecutive arrays of floats, each at a multiple of 4096 bytes.
class Arrays {
 public:
  static constexpr dim_t kAlignment = 1024;
  /// The offset of a new array.
  dim_t add(dim_t count) { return std::exchange(end_, end_ + round_up(count, kAlignment)); }
  std::size_t bytes() const { return std::size_t(end_) * sizeof(float); }

 private:
  dim_t end_ = 0;
};

/// What the passes have in common: a convolution of `in` to `out`, which in a dgrad are the gradients of y and x.
class WinogradPlan : public ConvPlan {
 public:
  std::size_t workspace_bytes() const final { return arrays_.bytes(); }
  std::string info() const final {
    return message("winograd:", stages_.name, " x=nChw16c y=nChw16c scratch=", workspace_bytes());
  }

 protected:
  WinogradPlan(const ConvPlanKey& key, const Stages& stages, bool backward)
      : stages_(stages),
        in_(backward ? key.shape.y() : key.shape.x()),
        out_(backward ? key.shape.x() : key.shape.y()),
        grid_{in_.n, (out_.h + stages.result - 1) / stages.result, (out_.w + stages.result - 1) / stages.result},
        panels_((out_.c + stages.panel - 1) / stages.panel),
        threads_(key.threads) {}

  winograd::PanelArgs panel(dim_t index) const { return {out_.c, in_.c, index * stages_.panel}; }

  /// Floats from one point to the next of a panel of transformed weights, and of all its points.
  dim_t weights_point() const { return odd_lines(in_.c * stages_.panel); }
  dim_t panel_count() const { return stages_.points * weights_point(); }

  /// Tiles that all threads transform before they are multiplied: blocks of `block`, for `floats` in all points of a
  /// tile.
  dim_t shared_tiles(dim_t floats, dim_t block) const {
    const dim_t tiles = grid_.count();
    const dim_t fitting = std::max(block, kSharedActivations / (floats * dim_t(sizeof(float))) / block * block);
    const dim_t rounds = (tiles + fitting - 1) / fitting;
    return std::min(tiles, round_up((tiles + rounds - 1) / rounds, block));
  }

  /// Calls transform(begin, end) for the tiles [first, last), a few at a time.
  template <class Transform>
  static void transform_tiles(dim_t first, dim_t last, const Transform& transform) {
    constexpr dim_t kTiles = 4;
    parallel_items((last - first + kTiles - 1) / kTiles, [&](dim_t i, int) {
      const dim_t begin = first + i * kTiles;
      transform(begin, std::min(last, begin + kTiles));
    });
  }

  const Stages& stages_;
  const ActivationShape in_, out_;
  const TileGrid grid_;
  const dim_t panels_;
  const int threads_;
  Arrays arrays_;
};

bool is_strided(const Conv2dShape& s) {
  return s.stride_h == 2;
}

const Stages& stages_of(const ConvPlanKey& key) {
  if (!is_strided(key.shape)) return winograd::stride1_stages();
  return key.pass == ConvPass::kDgrad ? winograd::stride2_gradient_stages() : winograd::stride2_stages();
}

/// fprop, and dgrad as a convolution of the gradient with the mirrored kernels.
class WinogradForward final : public WinogradPlan {
 public:
  explicit WinogradForward(const ConvPlanKey& key)
      : WinogradPlan(key, stages_of(key), key.pass == ConvPass::kDgrad),
        backward_(key.pass == ConvPass::kDgrad),
        relu_(key.relu),
        pad_h_(padding(key, key.shape.pad_h)),
        pad_w_(padding(key, key.shape.pad_w)),
        // With large weights a thread keeps to some panels and reads the input that all have transformed.
        by_panels_(panels_ * panel_count() * dim_t(sizeof(float)) > kMaxWeights || grid_.count() < 4 * stages_.tiles),
        block_(by_panels_ ? stages_.panel_tiles : stages_.tiles),
        round_(by_panels_ ? shared_tiles(stages_.points * parts() * kDepth, block_) : grid_.count()) {
    packed_ = arrays_.add(panels_ * packed_step());
    weights_ = arrays_.add((by_panels_ ? threads_ * kPanels : panels_) * weights_step());
    input_ = arrays_.add((by_panels_ ? blocks(round_) : threads_) * input_step());
    products_ = arrays_.add(threads_ * kPanels * products_step());
  }

  void run(ConvPointers p, const ConvWeight& weight, char* workspace) override {
    if (backward_) std::swap(p.x, p.y);
    float* const scratch = reinterpret_cast<float*>(workspace);
    WeightPackCache::Packed kept;
    const float* packed = packed_weights(weight, scratch + packed_, kept);
    if (by_panels_) {
      run_by_panels(p, packed, scratch);
    } else {
      run_by_tiles(p, packed, scratch);
    }
  }

 private:
  /// How far the first window lies outside of the input. In a strided dgrad the first results, of rows 0 and 1, read
  /// the gradient's rows 0 and 1.
  static dim_t padding(const ConvPlanKey& key, dim_t pad) {
    if (key.pass != ConvPass::kDgrad) return pad;
    return is_strided(key.shape) ? 0 : key.shape.kh - 1 - pad;
  }

  /// Panels multiplied in turn for each point: they share what is read of the input.
  static constexpr dim_t kPanels = 2;

  dim_t packed_step() const { return in_.c * 9 * stages_.panel; }
  dim_t weights_step() const { return round_up(panel_count(), Arrays::kAlignment); }
  dim_t blocks(dim_t tiles) const { return (tiles + block_ - 1) / block_; }
  dim_t parts() const { return (in_.c + kDepth - 1) / kDepth; }
  dim_t part_step() const { return block_ * kDepth; }
  dim_t input_point() const { return odd_lines(parts() * part_step()); }
  dim_t input_step() const { return round_up(stages_.points * input_point(), Arrays::kAlignment); }
  dim_t products_point() const { return odd_lines(block_ * stages_.panel); }
  dim_t products_step() const { return round_up(stages_.points * products_point(), Arrays::kAlignment); }

  /// The weights in panels, made in `scratch`, or those of the cache, which `kept` holds.
  const float* packed_weights(const ConvWeight& weight, float* scratch, WeightPackCache::Packed& kept) const {
    const auto pack = [&](float* target) {
      parallel_items(panels_, [&](dim_t i, int) {
        (backward_ ? winograd::pack_mirrored_weights : winograd::pack_weights)(panel(i), stages_.panel, weight.data,
                                                                               target + i * packed_step());
      });
    };
    if (!weight.cache) {
      pack(scratch);
      return scratch;
    }
    const int format = backward_ ? -2 : -1;  // the library's formats are not negative
    const auto bytes = std::size_t(panels_ * packed_step()) * sizeof(float);
    kept = weight.cache->find(weight.data, format, bytes, weight.version,
                              [&](char* target) { pack(reinterpret_cast<float*>(target)); });
    return reinterpret_cast<const float*>(kept->data());
  }

  void transform_input(const float* x, dim_t begin, dim_t end, float* out) const {
    stages_.transform_input({in_, grid_, pad_h_, pad_w_, x, begin, end, out, input_point(), part_step(), kDepth});
  }

  /// Some panels, multiplied in turn.
  struct Group {
    dim_t first, last;
  };
  dim_t groups() const { return (panels_ + kPanels - 1) / kPanels; }
  Group group(dim_t index) const { return {index * kPanels, std::min(panels_, (index + 1) * kPanels)}; }

  void transform_weights(const float* packed, dim_t panel, float* out) const {
    stages_.transform_weights(packed + panel * packed_step(), in_.c, out, weights_point());
  }

  /// Results of a block, tiles [begin, end), for the panels of `group`, from its transforms and those of the weights.
  void multiply(const ConvPointers& p, Group group, dim_t begin, dim_t end, const float* input, const float* weights,
                float* products) const {
    const auto [first, last] = group;
    // Point by point, so that the panels find the input in a nearer cache.
    for (int point = 0; point < stages_.points; ++point)
      for (dim_t i = first; i < last; ++i)
        stages_.multiply({.a = input + point * input_point(),
                          .a_step = part_step(),
                          .b = weights + (i - first) * weights_step() + point * weights_point(),
                          .b_depth = stages_.panel,
                          .c = products + (i - first) * products_step() + point * products_point(),
                          .rows = end - begin,
                          .depth = in_.c,
                          .accumulate = false});
    for (dim_t i = first; i < last; ++i)
      stages_.transform_output({out_, grid_, products + (i - first) * products_step(), products_point(), begin, end,
                                i * stages_.panel, p.bias, p.residual, p.y, relu_});
  }

  /// Small weights: all are transformed first; then each thread takes blocks of tiles from input to output.
  void run_by_tiles(const ConvPointers& p, const float* packed, float* scratch) const {
    float* const weights = scratch + weights_;
    parallel_items(panels_, [&](dim_t i, int) { transform_weights(packed, i, weights + i * weights_step()); });
    const dim_t tiles = grid_.count();
    parallel_items(blocks(tiles), [&](dim_t item, int thread) {
      const dim_t begin = item * block_, end = std::min(tiles, begin + block_);
      float* const input = scratch + input_ + thread * input_step();
      float* const products = scratch + products_ + thread * kPanels * products_step();
      transform_input(p.x, begin, end, input);
      for (dim_t g = 0; g < groups(); ++g)
        multiply(p, group(g), begin, end, input, weights + group(g).first * weights_step(), products);
    });
  }

  /// Large weights: the threads transform many tiles together; then each takes panels, from weights to output.
  void run_by_panels(const ConvPointers& p, const float* packed, float* scratch) const {
    const dim_t tiles = grid_.count();
    float* const input = scratch + input_;
    for (dim_t first = 0; first < tiles; first += round_) {
      const dim_t last = std::min(tiles, first + round_);
      transform_tiles(first, last, [&](dim_t begin, dim_t end) {
        const dim_t block = (begin - first) / block_, place = (begin - first) % block_;
        transform_input(p.x, begin, end, input + block * input_step() + place * kDepth);
      });
      parallel_items(groups(), [&](dim_t g, int thread) {
        float* const weights = scratch + weights_ + thread * kPanels * weights_step();
        float* const products = scratch + products_ + thread * kPanels * products_step();
        for (dim_t i = group(g).first; i < group(g).last; ++i)
          transform_weights(packed, i, weights + (i - group(g).first) * weights_step());
        for (dim_t begin = first; begin < last; begin += block_)
          multiply(p, group(g), begin, std::min(last, begin + block_), input + (begin - first) / block_ * input_step(),
                   weights, products);
      });
    }
  }

  const bool backward_, relu_;
  const dim_t pad_h_, pad_w_;
  const bool by_panels_;
  const dim_t block_;  ///< tiles that one thread multiplies at a time
  const dim_t round_;  ///< tiles that are transformed before any is multiplied
  dim_t packed_, weights_, input_, products_;
};

/// wgrad: the adjoint of fprop in the weights.
class WinogradWgrad final : public WinogradPlan {
 public:
  explicit WinogradWgrad(const ConvPlanKey& key)
      : WinogradPlan(key, stages_of(key), false),
        pad_h_(key.shape.pad_h),
        pad_w_(key.shape.pad_w),
        // Small sums stay in a thread's second-level cache, beside a few tiles. Large ones are shared instead, and the
        // tiles that all have transformed with them.
        by_chunks_(sums_count() * dim_t(sizeof(float)) <= kMaxSums),
        chunks_(by_chunks_ ? std::clamp<dim_t>(grid_.count() / (4 * kChunkTiles), 1, kMaxChunks) : 1),
        tiles_(by_chunks_ ? kChunkTiles : shared_tiles(stages_.points * (x_step() + y_step()), kDepth)) {
    const dim_t copies = by_chunks_ ? threads_ : 1;
    input_ = arrays_.add(copies * input_count());
    gradient_ = arrays_.add(copies * gradient_count());
    sums_ = arrays_.add(chunks_ * sums_count());
    if (key.bias) bias_sums_ = arrays_.add(out_.c + channel_partials_count(out_));
  }

  void run(ConvPointers p, const ConvWeight&, char* workspace) override {
    float* const scratch = reinterpret_cast<float*>(workspace);
    if (by_chunks_) {
      run_by_chunks(p, scratch);
    } else {
      run_by_panels(p, scratch);
    }
    parallel_items(panels_, [&](dim_t i, int) {
      float* const sums = scratch + sums_ + i * panel_count();
      for (dim_t chunk = 1; chunk < chunks_; ++chunk) add(sums, sums + chunk * sums_count(), panel_count());
      stages_.transform_weight_gradient(panel(i), sums, weights_point(), p.gw);
    });
    if (p.bias)
      gradient_sums_pass(out_, {p.y, nullptr, nullptr, Activation::kNone, 0}, nullptr, nullptr, p.bias,
                         scratch + bias_sums_, scratch + bias_sums_ + out_.c);
  }

 private:
  /// Most bytes of sums that a thread keeps for itself.
  static constexpr dim_t kMaxSums = dim_t{5} << 18;
  /// Tiles that are transformed and multiplied in turn there, and most parts of the tiles that have sums of their own:
  /// a fixed number, so that results do not depend on the threads, and small, since all are added up. No more threads
  /// than these work there.
  static constexpr dim_t kChunkTiles = 24, kMaxChunks = 8;
  /// Panels multiplied in turn for each point, and points that a thread takes at a time: there may be fewer panels than
  /// threads.
  static constexpr dim_t kPanels = 4, kPoints = 3;

  dim_t x_step() const { return odd_lines(in_.c); }
  dim_t y_step() const { return odd_lines(out_.c); }
  /// Floats from one point to the next of the transforms of an activation, and in all points.
  dim_t slice(dim_t step) const { return odd_lines(tiles_ * step); }
  dim_t input_count() const { return round_up(stages_.points * slice(x_step()), Arrays::kAlignment); }
  dim_t gradient_count() const { return round_up(stages_.points * slice(y_step()), Arrays::kAlignment); }
  dim_t sums_count() const { return panels_ * panel_count(); }

  static void add(float* sums, const float* more, dim_t count) {
    for (dim_t i = 0; i < count; ++i) sums[i] += more[i];
  }

  /// Transforms of x and gy for tiles [begin, end).
  void transform(const ConvPointers& p, dim_t begin, dim_t end, float* x, float* gy) const {
    stages_.transform_input({in_, grid_, pad_h_, pad_w_, p.x, begin, end, x, slice(x_step()), kDepth, x_step()});
    stages_.transform_output_gradient({out_, grid_, 0, 0, p.y, begin, end, gy, slice(y_step()), kDepth, y_step()});
  }

  /// Adds the products of `tiles` transformed tiles to the sums of one panel and point, or starts them.
  void multiply(dim_t panel, dim_t point, dim_t tiles, bool start, const float* x, const float* gy, float* sums) const {
    // The last panel may reach into the gap between the tiles: those columns of its sums are not used.
    stages_.multiply_transposed({.a = x + point * slice(x_step()),
                                 .a_step = x_step(),
                                 .b = gy + point * slice(y_step()) + panel * stages_.panel,
                                 .b_depth = y_step(),
                                 .c = sums + panel * panel_count() + point * weights_point(),
                                 .rows = in_.c,
                                 .depth = tiles,
                                 .accumulate = !start});
  }

  void run_by_chunks(const ConvPointers& p, float* scratch) const {
    const dim_t tiles = grid_.count(), blocks = (tiles + tiles_ - 1) / tiles_;
    parallel_items(chunks_, [&](dim_t chunk, int thread) {
      float* const x = scratch + input_ + thread * input_count();
      float* const gy = scratch + gradient_ + thread * gradient_count();
      const dim_t first = chunk * blocks / chunks_, last = (chunk + 1) * blocks / chunks_;
      for (dim_t block = first; block < last; ++block) {
        const dim_t begin = block * tiles_, end = std::min(tiles, begin + tiles_);
        transform(p, begin, end, x, gy);
        for (dim_t point = 0; point < stages_.points; ++point)
          for (dim_t i = 0; i < panels_; ++i)
            multiply(i, point, end - begin, block == first, x, gy, scratch + sums_ + chunk * sums_count());
      }
    });
  }

  void run_by_panels(const ConvPointers& p, float* scratch) const {
    const dim_t tiles = grid_.count(), groups = (panels_ + kPanels - 1) / kPanels;
    float *const x = scratch + input_, *const gy = scratch + gradient_;
    for (dim_t first = 0; first < tiles; first += tiles_) {
      const dim_t last = std::min(tiles, first + tiles_);
      transform_tiles(first, last, [&](dim_t begin, dim_t end) {
        transform(p, begin, end, x + (begin - first) * x_step(), gy + (begin - first) * y_step());
      });
      parallel_items(groups * (stages_.points / kPoints), [&](dim_t item, int) {
        const dim_t panel = item % groups * kPanels, begin = item / groups * kPoints;
        for (dim_t point = begin; point < begin + kPoints; ++point)
          for (dim_t i = panel; i < std::min(panels_, panel + kPanels); ++i)
            multiply(i, point, last - first, first == 0, x, gy, scratch + sums_);
      });
    }
  }

  const dim_t pad_h_, pad_w_;
  const bool by_chunks_;
  const dim_t chunks_;  ///< parts of the tiles with sums of their own
  const dim_t tiles_;   ///< that are transformed, then multiplied
  dim_t input_, gradient_, sums_;
  dim_t bias_sums_ = 0;  ///< scratch of the bias gradient
};

}  // namespace

bool winograd_pays(const Conv2dShape& s) {
  const bool blocked = s.x_block == kCpuChannelBlock && s.y_block == kCpuChannelBlock;
  if (!blocked || s.groups != 1 || s.kh != 3 || s.kw != 3 || s.oh() < 4 || s.ow() < 4) return false;
  if (s.stride_h == 1 && s.stride_w == 1) return s.pad_h <= 1 && s.pad_w <= 1;
  return s.stride_h == 2 && s.stride_w == 2 && s.pad_h == 1 && s.pad_w == 1 && s.ic >= 32 && s.oc >= 32 &&
         !library_takes_blocks();
}

std::unique_ptr<ConvPlan> make_winograd_plan(const ConvPlanKey& key) {
  if (key.pass == ConvPass::kWgrad) return std::make_unique<WinogradWgrad>(key);
  return std::make_unique<WinogradForward>(key);
}

}  // namespace engram::kernels
