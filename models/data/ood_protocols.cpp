#include "models/data/ood_protocols.h"

#include "kernels/common/error.h"
#include "models/data/colored_mnist.h"
#include "models/data/environment_folders.h"
#include "models/data/leave_out.h"
#include "models/data/nico.h"
#include "models/data/pacs.h"
#include "models/data/shapes_in_styles.h"

namespace engram {
namespace {

void expect_nothing_left_out(const char* protocol, const OodRequest& request) {
  if (!request.held_out.empty())
    throw UsageError(message("[", protocol, "] expected no environment to leave out, as the protocol fixes its test, ",
                             "got '", request.held_out.front(), "'"));
}

struct ColouredSettings {
  bool grey = false;
};
Settings coloured_settings(ColouredSettings& s) {
  return {{"grey", &s.grey, "images without their colours: the oracle that cannot be misled"}};
}

template <ColoredMnist variant>
std::unique_ptr<OodData> read_fixed_coloured(const ColouredSettings& s, const OodRequest& request) {
  expect_nothing_left_out("colored-mnist", request);
  auto data = std::make_unique<OodData>(
      read_colored_mnist(request.folder, {.variant = variant, .grey = s.grey, .seed = request.seed}));
  return data;
}

/// What the protocols that leave environments out have in common.
struct SplitSettings {
  double validation = 0.2;
  bool leak = false;
  dim_t side = 0;
  dim_t images = 400;
  bool grey = false;
};
Setting validation_setting(SplitSettings& s) {
  return {"validation", &s.validation, "share of each training environment that is held back; 0 is none"};
}
LeaveOutOptions leave_out_options(const SplitSettings& s, const OodRequest& request) {
  return {.held_out = request.held_out, .validation = s.validation, .leak = s.leak, .seed = request.seed};
}

Settings domainbed_settings(SplitSettings& s) {
  return {{"grey", &s.grey, "images without their colours"}, validation_setting(s)};
}
std::unique_ptr<OodData> read_domainbed_coloured(const SplitSettings& s, const OodRequest& request) {
  const ColoredMnistOptions options = {.variant = ColoredMnist::kDomainBed, .grey = s.grey, .seed = request.seed};
  LeaveOutOptions left_out = leave_out_options(s, request);
  if (left_out.held_out.empty()) left_out.held_out = {"-90%"};
  OodData data = read_colored_mnist(request.folder, options);
  auto split = std::make_unique<OodData>(leave_out(std::move(data.train), "colored-mnist-domainbed", left_out));
  split->context_word = data.context_word;
  return split;
}

Settings pacs_settings(SplitSettings& s) {
  return {{"side", &s.side, "pixels of the images; 0 takes the largest that are there"},
          validation_setting(s),
          {"leak", &s.leak, "draw training and validation images independently, as DecAug's loader does"}};
}
std::unique_ptr<OodData> read_pacs_protocol(const SplitSettings& s, const OodRequest& request) {
  auto data = std::make_unique<OodData>(
      leave_out(read_pacs_environments(request.folder, s.side), "pacs", leave_out_options(s, request)));
  data->context_word = "domain";
  return data;
}

Settings shape_settings(SplitSettings& s) {
  return {{"side", &s.side, "pixels of the images"},
          {"images", &s.images, "images of a shape in a style"},
          validation_setting(s)};
}
std::unique_ptr<OodData> draw_shapes_protocol(const SplitSettings& s, const OodRequest& request) {
  // The images are those of one data set; a restart splits them anew.
  auto data = std::make_unique<OodData>(leave_out(draw_shapes_in_styles({.side = s.side, .images = s.images}),
                                                  "shapes-in-styles", leave_out_options(s, request)));
  data->context_word = "style";
  return data;
}

Settings domain_settings(SplitSettings& s) {
  return {{"side", &s.side, "pixels that images are brought to; 0 takes them as they are"}, validation_setting(s)};
}
std::unique_ptr<OodData> read_domain_folders(const SplitSettings& s, const OodRequest& request) {
  auto data = std::make_unique<OodData>(
      leave_out(read_environment_folders(request.folder, s.side), "domains", leave_out_options(s, request)));
  data->context_word = "domain";
  return data;
}

struct NicoSettings {
  dim_t side = 64;
};
Settings nico_settings(NicoSettings& s) {
  return {{"side", &s.side, "pixels of the images"}};
}
std::unique_ptr<OodData> read_nico_protocol(const NicoSettings& s, const OodRequest& request) {
  expect_nothing_left_out("nico", request);
  return std::make_unique<OodData>(read_nico(request.folder, {.side = s.side}));
}

constexpr const char* kShapes = "shapes-in-styles";

}  // namespace

const OodProtocols& ood_protocols() {
  static const OodProtocols all = [] {
    OodProtocols p("protocol");
    p.add<ColouredSettings>("colored-mnist", "IRM's Coloured MNIST, 14x14, two environments, no images held back", {},
                            coloured_settings, read_fixed_coloured<ColoredMnist::kIrm>);
    p.add<ColouredSettings>("colored-mnist-authors", "the same with the order of environments of DecAug's baselines",
                            {}, coloured_settings, read_fixed_coloured<ColoredMnist::kAuthors>);
    p.add<SplitSettings>("colored-mnist-domainbed",
                         "DomainBed's Coloured MNIST, 28x28, one of +90%, +80%, -90% left out", {}, domainbed_settings,
                         read_domainbed_coloured);
    p.add<SplitSettings>("pacs", "PACS, domains left out", {.validation = 0.1}, pacs_settings, read_pacs_protocol);
    p.add<NicoSettings>("nico", "a superclass of NICO by its lists", {}, nico_settings, read_nico_protocol);
    p.add<SplitSettings>(kShapes, "drawn shapes in styles, styles left out; needs no data", {.side = 64},
                         shape_settings, draw_shapes_protocol);
    p.add<SplitSettings>("domains", "folders DOMAIN/CLASS of images, domains left out", {}, domain_settings,
                         read_domain_folders);
    return p;
  }();
  return all;
}

bool needs_folder(const std::string& protocol) {
  return parse_component(ood_protocols().canonical(protocol)).name != kShapes;
}

OodData read_ood_data(const std::string& protocol, const OodRequest& request) {
  if (needs_folder(protocol) && request.folder.empty())
    throw UsageError(message("[", protocol, "] expected the folder of its images, got none"));
  OodData data = std::move(*ood_protocols().make(protocol, request));
  data.name = parse_component(ood_protocols().canonical(protocol)).name;
  check_ood_data(data);
  return data;
}

}  // namespace engram
