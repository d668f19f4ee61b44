// Chunked bodies: the same bytes give the same body, the same end and the same verdict in one piece
// and one by one.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "http/body_decoder.hpp"

namespace {

struct Outcome {
  std::string body;
  std::size_t consumed = 0;
  bool error = false;
  bool done = false;
};

Outcome decode(std::span<const std::uint8_t> input, std::size_t piece) {
  holdfast::http::BodyDecoder decoder;
  decoder.start(holdfast::http::Framing::chunked, 0);
  Outcome outcome;
  while (outcome.consumed < input.size() && !decoder.done() && !outcome.error) {
    const std::size_t length = std::min(piece, input.size() - outcome.consumed);
    const auto part = input.subspan(outcome.consumed, length);
    std::vector<char> copy(part.begin(), part.end());
    const auto step = decoder.decode(copy);
    outcome.error = step.error;
    if (step.consumed > length || step.length > step.consumed) std::abort();
    if (!step.error && step.consumed == 0) std::abort();  // Would never end.
    outcome.body.append(copy.data(), step.length);
    outcome.consumed += step.consumed;
  }
  outcome.done = decoder.done();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  const Outcome whole = decode(input, size + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    const Outcome cut = decode(input, piece);
    if (cut.error != whole.error || cut.done != whole.done) std::abort();
    if (!whole.error && (cut.body != whole.body || cut.consumed != whole.consumed)) std::abort();
  }
  return 0;
}
