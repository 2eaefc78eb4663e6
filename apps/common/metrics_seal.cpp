#include "apps/common/metrics_seal.h"

#include "engine/io/sha256.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

ManifestJson seal_of(std::uint64_t bytes, const std::string& sha256) {
  return {{"bytes", bytes}, {"sha256", sha256}};
}

}  // namespace

ManifestJson metrics_seal(io::ByteView content) {
  return seal_of(content.size(), io::sha256_hex(content));
}

ManifestJson metrics_seal(const io::JsonlWriter& writer) {
  return seal_of(writer.size(), writer.sha256());
}

bool is_metrics_seal(const ManifestJson& seal) {
  if (!seal.is_object()) return false;
  const auto bytes = seal.find("bytes"), sha256 = seal.find("sha256");
  return bytes != seal.end() && bytes->is_number_unsigned() && sha256 != seal.end() && sha256->is_string();
}

void check_metrics(const ManifestJson& manifest, io::ByteView content, const std::filesystem::path& folder) {
  constexpr const char* kHint = "; hint: start the run anew";
  const auto seal = manifest.find("metrics");
  if (seal == manifest.end())
    throw DataError(message("[run] expected a manifest that says what ", kMetrics, " holds in ", folder.string(),
                            ", got one of an older version, whose run cannot be checked", kHint));
  const std::uint64_t bytes = seal->at("bytes").get<std::uint64_t>();
  if (content.size() >= bytes && seal->at("sha256") == io::sha256_hex(content.first(bytes))) return;
  throw DataError(message("[run] expected the ", bytes, " bytes of ", kMetrics, " that the run in ", folder.string(),
                          " had written, got ",
                          content.empty()          ? "none"
                          : content.size() < bytes ? message("only ", content.size())
                                                   : "others",
                          "; its results rest on them", kHint));
}

}  // namespace engram::apps
