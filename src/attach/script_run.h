// A script's packets as the engine takes them, and what became of each.
#pragma once

#include <span>

#include "attach/observation.h"
#include "attach/script.h"
#include "engine/engine.h"
#include "engine/way.h"

namespace sallyport {

// The packet, parsed, `start` being when its script began. `bytes` are the packet's own or a copy
// of them: the engine may write there.
Packet packet_of(const ScriptPacket& text, std::span<uint8_t> bytes, Instant start);

// The way that the script says; whether an incoming packet is for this host, and how its frame was
// addressed, is for the viewpoint to tell. `text` must outlive the way.
Way way_of(const ScriptPacket& text, Packet& packet, const Viewpoint& viewpoint);

// What there is to see of an outcome before the next packet comes. `answer` is the packet's place
// in what process() filled; null: answers were not asked for.
Observation observe(const ScriptPacket& text, const Outcome& outcome, Engine& engine,
                    const Answer* answer = nullptr);

}  // namespace sallyport
