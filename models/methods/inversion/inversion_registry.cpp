#include "models/methods/inversion/inversion_registry.h"

namespace engram {

const InversionRegistry& inversion_registry() {
  static const InversionRegistry registry = [] {
    InversionRegistry all("inversion");
    add_adaptive_inversion(all);
    add_contrastive_inversion(all);
    add_meta_inversion(all);
    add_label_inversion(all);
    return all;
  }();
  return registry;
}

}  // namespace engram
