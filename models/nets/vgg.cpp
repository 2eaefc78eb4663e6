#include "models/nets/vgg.h"

#include <numeric>

#include "models/nets/network_registry.h"
#include "models/nets/pruned_channels.h"

namespace engram {
namespace {

constexpr double kDropout = 0.5;
constexpr std::size_t kBlocks = 5;
constexpr dim_t kFactors[kBlocks] = {1, 2, 4, 8, 8};
constexpr float kPruningGain = 0.5f;  // first gains of the forms that pruning's code has
constexpr dim_t kNormalizedHidden = 512;
constexpr dim_t kFourthPoolingRows = 64;  // from here on the form with the average pools after the fourth block too

/// Poolings before block b.
int poolings_before(std::size_t b, const VggConfig& config, const ImageShape& image) {
  const int most = config.head == VggHead::kLinear      ? 5
                   : config.head != VggHead::kAverage   ? 4
                   : image.height >= kFourthPoolingRows ? 4
                                                        : 3;
  return std::min(int(b), most);
}

std::size_t first_tapped(const VggConfig& config) {
  return config.head == VggHead::kAverage ? 1 : 0;
}

/// Channels of a block's last convolution.
dim_t block_channels(std::size_t b, const VggConfig& config) {
  const auto first = config.convolutions.begin();
  return config.channels[std::size_t(std::accumulate(first, first + std::ptrdiff_t(b) + 1, 0)) - 1];
}

std::vector<TapSpec> tap_specs(const VggConfig& config, const ImageShape& image) {
  std::vector<TapSpec> taps;
  for (std::size_t b = first_tapped(config); taps.size() < 4; ++b) {
    const int halvings = poolings_before(b, config, image);
    taps.push_back({block_channels(b, config), image.height >> halvings, image.width >> halvings});
  }
  return taps;
}

std::string convolution_prefix(VggHead head, std::size_t b) {
  if (head == VggHead::kAverage) return message("block", b, ".");
  return head == VggHead::kLinear ? "features." : "feature.";
}

}  // namespace

Vgg::Vgg(NetworkSpec spec, const VggConfig& config, Device device)
    : Network(spec, tap_specs(config, spec.image), device), config_(config) {
  const ImageShape& image = spec.image;
  const int poolings = poolings_before(kBlocks, config, image);
  const dim_t least = dim_t{1} << poolings;
  if (image.height < least || image.width < least)
    throw UsageError(message("[", arch(), "] expected images of at least ", least, "x", least,
                             " pixels (it halves them ", poolings, " times), got ", to_string(image)));
  dim_t in = image.channels;
  std::size_t convolution = 0;
  int position = 0;  // in the reference's sequence of convolution, BN, ReLU and pooling
  for (std::size_t b = 0; b < kBlocks; ++b) {
    if (average()) position = 0;
    in = add_block(b, in, convolution, &position, device);
    convolution += std::size_t(config.convolutions[b]);
    ++position;
  }
  add_head(in, (image.height >> poolings) * (image.width >> poolings), device);
}

dim_t Vgg::add_block(std::size_t b, dim_t in, std::size_t first, int* position, Device device) {
  const bool pruning_form = config_.head == VggHead::kSlimming || config_.head == VggHead::kNormalized;
  const std::string prefix = convolution_prefix(config_.head, b);
  auto& units = blocks_.emplace_back();
  for (int i = 0; i < config_.convolutions[b]; ++i) {
    const dim_t out = config_.channels[first + std::size_t(i)];
    const Conv2dConfig conv{.in_channels = in, .out_channels = out, .bias = !pruning_form};
    Unit& unit = units.emplace_back();
    unit.conv = std::make_unique<Conv2d>(conv, Init::he_normal(Conv2d::fan_out(conv)), Init::constant(0), device);
    register_child(prefix + std::to_string(*position), *unit.conv);
    if (config_.batch_norm) {
      unit.bn = std::make_unique<BatchNorm2d>(out, device, Init::constant(pruning_form ? kPruningGain : 1));
      register_child(prefix + std::to_string(*position + 1), *unit.bn);
    }
    *position += config_.batch_norm ? 3 : 2;
    in = out;
  }
  return in;
}

void Vgg::add_linear(const std::string& name, dim_t in, dim_t out, Device device) {
  classifier_.push_back(config_.head == VggHead::kLinear
                            ? std::make_unique<Linear>(in, out, device)
                            : std::make_unique<Linear>(in, out, Init::normal(0, 0.01f), Init::constant(0), device));
  register_child(name, *classifier_.back());
}

void Vgg::add_head(dim_t in, dim_t pixels, Device device) {
  if (config_.head == VggHead::kLinear) {
    const dim_t hidden = config_.hidden > 0 ? config_.hidden : in;
    add_linear("classifier.1", in * pixels, hidden, device);
    add_linear("classifier.4", hidden, hidden, device);
    add_linear("classifier.6", hidden, num_classes(), device);
  } else if (config_.head == VggHead::kNormalized) {
    add_linear("classifier.0", in, kNormalizedHidden, device);
    hidden_bn_ = std::make_unique<BatchNorm2d>(kNormalizedHidden, device);
    register_child("classifier.1", *hidden_bn_);
    add_linear("classifier.3", kNormalizedHidden, num_classes(), device);
  } else {
    add_linear("classifier", in, num_classes(), device);
  }
}

Tensor Vgg::block(Executor& executor, std::size_t b, const Tensor& x, PreActivation* before) const {
  Tensor h = x;
  for (const Unit& unit : blocks_[b]) {
    PreActivation* const wanted = &unit == &blocks_[b].back() ? before : nullptr;
    if (unit.bn && !wanted) {
      h = executor.conv_bn(*unit.conv, *unit.bn, h, Activation::kRelu);
      continue;
    }
    h = unit.bn ? executor.conv_bn(*unit.conv, *unit.bn, h, Activation::kNone) : executor.conv(*unit.conv, h);
    if (wanted) *wanted = {h, unit.bn.get()};
    h = relu(h);
  }
  return h;
}

Tensor Vgg::stage(Executor& executor, int s, const Tensor& x, PreActivation* before) {
  const std::size_t first = first_tapped(config_), b = std::size_t(s) + first;
  Tensor h = s == 0 && first == 1 ? block(executor, 0, x, nullptr) : x;
  if (poolings_before(b, config_, image()) > poolings_before(b == 0 ? 0 : b - 1, config_, image()))
    h = max_pool2d(h, {.kernel = 2});
  return block(executor, b, h, before);
}

Tensor Vgg::neck(Executor& executor, const Tensor& x) {
  if (average()) return x;
  const Tensor last = block(executor, kBlocks - 1, max_pool2d(x, {.kernel = 2}), nullptr);
  if (config_.head == VggHead::kLinear) return max_pool2d(last, {.kernel = 2});
  if (!hidden_bn_) return last;
  const Tensor hidden = classifier_[0]->forward(global_avg_pool(last));
  return executor.bn(*hidden_bn_, reshape(hidden, {hidden.dim(0), kNormalizedHidden, 1, 1}), Activation::kRelu);
}

Tensor Vgg::pool(const Tensor& x) {
  return config_.head == VggHead::kLinear ? flatten(x.contiguous()) : global_avg_pool(x);
}

Tensor Vgg::classify(const Tensor& pooled, bool training) {
  if (config_.head != VggHead::kLinear) return classifier_.back()->forward(pooled);
  Tensor h = pooled;
  for (int layer = 0; layer < 2; ++layer) {
    if (training) h = dropout(h, kDropout, dropout_generator());
    h = relu(classifier_[std::size_t(layer)]->forward(h));
  }
  return classifier_[2]->forward(h);
}

namespace {

struct VggSettings {
  dim_t width = 64;
  std::string head = "linear";
  bool batch_norm = true;
  dim_t hidden = 0;
  std::vector<dim_t> channels;
};

constexpr std::pair<const char*, VggHead> kHeads[] = {{"linear", VggHead::kLinear},
                                                      {"average", VggHead::kAverage},
                                                      {"slimming", VggHead::kSlimming},
                                                      {"normalized", VggHead::kNormalized}};

/// Of one of those names: the registry lets no other pass.
VggHead parse_head(const std::string& name) {
  const auto* found = std::begin(kHeads);
  while (name != found->first) ++found;
  return found->second;
}

/// Channels of each convolution in the unpruned network.
std::vector<dim_t> full_channels(const std::vector<int>& convolutions, dim_t width) {
  std::vector<dim_t> channels;
  for (std::size_t b = 0; b < kBlocks; ++b)
    channels.insert(channels.end(), std::size_t(convolutions[b]), kFactors[b] * width);
  return channels;
}

Settings vgg_settings(VggSettings& s) {
  return {{"width", &s.width, "channels of the first block, a multiple of 16"},
          {"head",
           &s.head,
           "linear, average, slimming or normalized; whose code has which stands below",
           {"linear", "average", "slimming", "normalized"}},
          {"batch_norm", &s.batch_norm, "normalise after each convolution"},
          {"hidden", &s.hidden, "values between the linear layers; 0: as many as the last block has channels"},
          {"channels", &s.channels, "of each convolution, fewer after pruning; empty: those of width"}};
}

std::unique_ptr<Network> make_vgg(const std::vector<int>& convolutions, const VggSettings& s, const NetworkSpec& spec,
                                  const Device& device) {
  if (s.width < 16 || s.width > 1024 || s.width % 16 != 0)
    throw UsageError(
        message("[", spec.arch, "] expected a width that is a multiple of 16, at most 1024, got ", s.width));
  const VggHead head = parse_head(s.head);
  if (s.hidden < 0 || s.hidden > 65536 || (s.hidden > 0 && head != VggHead::kLinear))
    throw UsageError(
        message("[", spec.arch, "] expected 0 to 65536 hidden values with the head linear, got ", s.hidden));
  const VggConfig config{.convolutions = convolutions,
                         .channels = checked_channels(s.channels, full_channels(convolutions, s.width), spec),
                         .batch_norm = s.batch_norm,
                         .head = head,
                         .hidden = s.hidden > 0 ? s.hidden : kFactors[kBlocks - 1] * s.width};
  return std::make_unique<Vgg>(spec, config, device);
}

}  // namespace

void add_vggs(NetworkRegistry& registry) {
  const std::pair<const char*, std::vector<int>> all[] = {{"vgg8", {1, 1, 1, 1, 1}},
                                                          {"vgg11", {1, 1, 2, 2, 2}},
                                                          {"vgg13", {2, 2, 2, 2, 2}},
                                                          {"vgg16", {2, 2, 3, 3, 3}},
                                                          {"vgg19", {2, 2, 4, 4, 4}}};
  for (const auto& [name, convolutions] : all)
    registry.add<VggSettings>(
        name, "VGG with batch normalisation", {}, vgg_settings,
        [convolutions = convolutions](const VggSettings& s, const NetworkSpec& spec, const Device& device) {
          return make_vgg(convolutions, s, spec, device);
        },
        {"-w{width}", "-{head}", "-{head}-w{width}"});
}

}  // namespace engram
