#include "models/data/environments.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/common/error.h"
#include "models/data/batch_plan.h"
#include "models/suggest.h"

namespace engram {
namespace {

std::string quoted_size(const Environment& e) {
  return message(to_string(e.images.shape()), " in ", e.name);
}

/// Throws unless `b` has images of the size and with the classes of `a`.
void check_alike(const Environment& a, const Environment& b) {
  if (a.images.shape() != b.images.shape())
    throw DataError(
        message("[environments] expected images of one size, got ", quoted_size(a), " and ", quoted_size(b)));
  if (a.images.class_names != b.images.class_names)
    throw DataError(message("[environments] expected the same classes, got others in ", b.name, " than in ", a.name));
}

void check_same_contexts(const Environment& a, const Environment& b) {
  if (a.images.context_names != b.images.context_names)
    throw DataError(
        message("[environments] expected the same second labels, got others in ", b.name, " than in ", a.name));
}

std::vector<std::string> names_of(const Environments& environments) {
  std::vector<std::string> names;
  for (const Environment& e : environments) names.push_back(e.name);
  return names;
}

void check_names(const Environments& environments) {
  std::vector<std::string> names = names_of(environments);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) throw DataError(message("[environments] expected different names, got ", *twice, " twice"));
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

void check_ood_data(const OodData& data) {
  for (const auto& [part, word] : {std::pair{&data.train, "training"}, {&data.test, "testing"}})
    if (part->empty())
      throw DataError(message("[environments] expected an environment for ", word, " in ", data.name, ", got none"));
  const Environment& first = data.train.front();
  for (const Environments* part : {&data.train, &data.validation, &data.test, &data.probes}) {
    check_names(*part);
    for (const Environment& e : *part) {
      check_dataset(e.images, message("the environment ", e.name));
      check_alike(first, e);
    }
  }
  for (const Environment& e : data.train) check_same_contexts(first, e);
}

void check_every_class(const Environments& environments) {
  for (const Environment& e : environments) {
    const std::vector<dim_t> counts = class_counts(e.images);
    for (std::size_t c = 0; c < counts.size(); ++c)
      if (counts[c] == 0)
        throw DataError(message("[environments] expected images of every class in every environment, got none of ",
                                e.images.class_names[c], " in ", e.name));
  }
}

HeldOut hold_out(const Environment& environment, double share, std::uint64_t seed) {
  const dim_t count = environment.images.count, held = dim_t(double(count) * share);
  if (!(share > 0 && share < 1) || held < 1 || held >= count)
    throw UsageError(message("[environments] expected a share that leaves an image on either side of the ", count,
                             " in ", environment.name, ", got ", share));
  const std::vector<dim_t> order = shuffled_order(count, seed, 0);
  std::vector<dim_t> first(order.begin(), order.begin() + held), second(order.begin() + held, order.end());
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  return {{environment.name, select(environment.images, first)},
          {environment.name, select(environment.images, second)}};
}

Environment pool_environments(const Environments& environments, const std::string& name) {
  if (environments.empty()) throw UsageError("[environments] expected environments to pool, got none");
  Environment pool{name, environments.front().images};
  for (std::size_t i = 1; i < environments.size(); ++i) {
    check_alike(environments[0], environments[i]);
    check_same_contexts(environments[0], environments[i]);
    const ImageDataset& more = environments[i].images;
    pool.images.pixels.insert(pool.images.pixels.end(), more.pixels.begin(), more.pixels.end());
    pool.images.labels.insert(pool.images.labels.end(), more.labels.begin(), more.labels.end());
    pool.images.contexts.insert(pool.images.contexts.end(), more.contexts.begin(), more.contexts.end());
    pool.images.count += more.count;
  }
  return pool;
}

void label_by_environment(Environments& environments) {
  const std::vector<std::string> names = names_of(environments);
  for (std::size_t e = 0; e < environments.size(); ++e) {
    ImageDataset& images = environments[e].images;
    images.contexts.assign(std::size_t(images.count), std::int32_t(e));
    images.context_names = names;
  }
}

Environments take_environments(Environments& from, const std::vector<std::string>& names) {
  Environments taken;
  const std::vector<std::string> known = names_of(from);
  for (const std::string& name : names) {
    const auto found = std::find_if(from.begin(), from.end(), [&](const Environment& e) { return e.name == name; });
    if (found == from.end())
      throw UsageError(message("[environments] expected environments to leave out among ", joined(known), ", got '",
                               name, "'", did_you_mean(name, known)));
    taken.push_back(std::move(*found));
    from.erase(found);
  }
  if (from.empty()) throw UsageError("[environments] expected an environment that is left for training, got none");
  return taken;
}

}  // namespace engram
