/// engram-analyze attack

#include <algorithm>
#include <cmath>
#include <ostream>

#include "apps/analyze/attribution_sheet.h"
#include "apps/analyze/commands.h"
#include "apps/common/canvas.h"
#include "apps/common/exit_code.h"
#include "apps/common/pixel_font.h"
#include "models/methods/metrics/attention_attack.h"
#include "models/methods/metrics/grad_cam.h"

namespace engram::apps {
namespace {

struct AttackSettings {
  AttributionSettings choice = {.images = 4};
  double rate = AttentionAttackOptions().rate, distance = AttentionAttackOptions().distance,
         bound = AttentionAttackOptions().bound;
  std::int64_t steps = AttentionAttackOptions().most_steps;
};

/// One image and what became of it.
struct Attacked {
  dim_t index;
  std::int32_t label;
  io::Image image, moved, perturbation;
  io::Image map, moved_map;
  AttentionAttack result;
};

/// Grey levels [c,h,w] as RGB; `offset` and `scale` show differences.
io::Image picture_of(const std::vector<float>& values, const Shape& shape, double offset, double scale) {
  const dim_t pixels = shape[1] * shape[2];
  io::Image image = {shape[2], shape[1], shape[0] == 3 ? 3 : 1, {}};
  for (dim_t p = 0; p < pixels; ++p)
    for (dim_t c = 0; c < image.channels; ++c)
      image.pixels.push_back(
          std::uint8_t(std::lround(std::clamp(offset + scale * values[c * pixels + p], 0.0, 255.0))));
  return io::to_rgb(std::move(image));
}

/// The class's map over the picture of an image in grey levels.
io::Image map_of(const Subject& subject, const Tensor& grey, std::int32_t seen, const io::Image& picture) {
  const Tensor batch = reshape(grey, {1, grey.dim(0), grey.dim(1), grey.dim(2)}).to(subject.network().device());
  const Tensor map = grad_cam(subject.network(), normalized_images(batch, subject.classifier.normalization), {seen});
  return heat_over(picture, enlarge_maps(map, grey.dim(1), grey.dim(2)).to_vector().data());
}

Attacked attack_one(const Subject& subject, const ImageDataset& images, dim_t index, const AttackSettings& s) {
  const Shape shape = {images.channels, images.height, images.width};
  const std::vector<float> grey(images.image(index), images.image(index) + images.image_bytes());
  const Tensor original = Tensor::from(grey, shape);
  Attacked done = {index,
                   images.labels[index],
                   picture_of(grey, shape, 0, 1),
                   {},
                   {},
                   {},
                   {},
                   attack_attention(subject.network(), original, subject.classifier.normalization,
                                    {s.rate, s.distance, s.bound, int(s.steps)})};
  std::vector<float> moved = done.result.image.to_vector(), change(moved);
  for (std::size_t i = 0; i < change.size(); ++i) change[i] -= grey[i];
  done.moved = picture_of(moved, shape, 0, 1);
  done.perturbation = picture_of(change, shape, 128, 127 / s.bound);
  done.map = map_of(subject, original, done.result.seen, done.image);
  done.moved_map = map_of(subject, done.result.image, done.result.seen, done.moved);
  return done;
}

io::Image sheet_of(const std::vector<Attacked>& rows, const std::vector<std::string>& class_names) {
  constexpr dim_t kGap = 6, kLine = kLetterHeight + 2;
  const dim_t zoom = std::max<dim_t>(1, 96 / std::max(rows[0].image.width, rows[0].image.height));
  const dim_t width = rows[0].image.width * zoom, height = rows[0].image.height * zoom;
  const std::vector<std::string> titles = {"image", "map", "perturbation", "moved image", "its map"};
  Canvas canvas(kGap + (width + kGap) * dim_t(titles.size()),
                kLine + kGap + (height + kLine + kGap) * dim_t(rows.size()));
  const auto column = [&](std::size_t k) { return kGap + (width + kGap) * dim_t(k); };
  for (std::size_t k = 0; k < titles.size(); ++k) canvas.text(column(k), 2, titles[k]);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const dim_t y = kLine + kGap + (height + kLine + kGap) * dim_t(i);
    const Attacked& row = rows[i];
    const io::Image* pictures[] = {&row.image, &row.map, &row.perturbation, &row.moved, &row.moved_map};
    for (std::size_t k = 0; k < std::size(pictures); ++k) canvas.image(column(k), y, *pictures[k], zoom);
    canvas.text(column(0), y + height + 1, class_names[row.result.seen]);
    canvas.text(column(3), y + height + 1, class_names[row.result.seen_after]);
  }
  return canvas.picture();
}

}  // namespace

int run_attack(Call& call) {
  AttackSettings s;
  Cli cli(call,
          "Moves the pixels of images until a network looks elsewhere, and shows image, perturbation, and the "
          "maps before and after.");
  add_attribution_settings(cli, s.choice);
  cli.group("Attack");
  cli.option("rate", &s.rate, "Mean grey levels of a step").at_least(1e-6).at_most(255);
  cli.option("distance", &s.distance, "Root mean square grey levels at which it ends").at_least(1e-6).at_most(255);
  cli.option("bound", &s.bound, "Most grey levels that a pixel may move").at_least(1e-6).at_most(255);
  cli.option("steps", &s.steps, "Most steps").at_least(1).at_most(100000);
  if (!cli.parse()) return kExitOk;
  const Subjects subjects = open_subjects(call, s.choice.subject, 1, 1);
  const Subject& subject = subjects.networks[0];
  const std::vector<dim_t> indices = chosen_images(subjects, s.choice);
  PictureOutput out(s.choice.subject.out,
                    {"image", "label", "seen", "second", "seen_after", "distance", "steps", "first_loss", "last_loss"});
  std::vector<Attacked> rows;
  for (const dim_t index : indices) {
    if (call.stop()) return stopped(call);
    rows.push_back(attack_one(subject, subjects.images, index, s));
    const AttentionAttack& r = rows.back().result;
    out.table().cell(std::int64_t(index)).cell(std::int64_t(rows.back().label)).cell(std::int64_t(r.seen));
    out.table().cell(std::int64_t(r.second)).cell(std::int64_t(r.seen_after)).cell(r.distance);
    out.table().cell(std::int64_t(r.steps)).cell(r.losses.front()).cell(r.losses.back()).end_row();
  }
  out.commit(call, sheet_of(rows, subject.classifier.class_names));
  return kExitOk;
}

}  // namespace engram::apps
