#include "core/piece.h"

#include <algorithm>
#include <utility>

#include "core/channel.h"
#include "core/cursor.h"

namespace pathcast {

StretchJson EncodeStretch(const Context& context, const Channel& channel,
                          const Stretch& stretch) {
  const uint64_t max_bytes = std::min(context.options.max_invalidate_bytes,
                                      context.options.connection_cap_bytes);
  const uint64_t spread_ms = context.SpreadMs(channel.size());
  StretchJson encoded;
  encoded.is_resync =
      !EncodeInvalidate(stretch, channel.names().paths, channel.names().modules,
                        max_bytes, &encoded.json, spread_ms);
  if (encoded.is_resync) {
    encoded.json = ResyncJson(stretch.last_ms, context.resync_paths_json,
                              Reason::kOverflow, spread_ms);
  }
  return encoded;
}

Piece StretchPiece(const Context& context, const Channel& channel,
                   const Dialect& dialect,
                   std::shared_ptr<const Stretch> stretch,
                   const StretchJson& encoded) {
  Piece piece;
  std::string id;
  AppendCursor(&id, channel.log().epoch(), stretch->to);
  AppendMessage(&piece.own, dialect, context.wrap, id, encoded.json);
  WrapInChunk(&piece.own, 0, dialect.framing);
  piece.covers = std::move(stretch);
  if (encoded.is_resync) piece.resync = Reason::kOverflow;
  return piece;
}

}  // namespace pathcast
