-- A profile for osrm-extract that decides nothing itself: which way may be driven at what speed, and which node stops a
-- vehicle, are read from the job's tables. What OSRM then makes of it (junctions, turn restrictions, U-turns, snapping,
-- search) is its own, and that is what is compared.
api_version = 4

local folder = os.getenv("SIAGA_ORACLE_JOB")

local function rows(name)
  local file = assert(io.open(folder .. "/" .. name, "r"))
  return file:lines()
end

local ways, stops = {}, {}
for line in rows("ways.txt") do
  local id, along, against = line:match("(%S+) (%S+) (%S+)")
  ways[tonumber(id)] = { tonumber(along), tonumber(against) }
end
for line in rows("barriers.txt") do
  stops[tonumber(line)] = true
end

function setup()
  return {
    properties = {
      max_speed_for_map_matching = 50,
      weight_name = "duration",
      process_call_tagless_node = false,
      continue_straight_at_waypoint = false,
      u_turn_penalty = 0,
      use_turn_restrictions = true,
      left_hand_driving = false,
    },
    default_mode = mode.driving,
    default_speed = 1,
    restrictions = { "motorcar", "motor_vehicle", "vehicle" },
  }
end

function process_node(profile, node, result)
  if stops[node:id()] then
    obstacle_map:add(node, Obstacle.new(obstacle_type.barrier))
  end
end

function process_way(profile, way, result)
  local speeds = ways[way:id()]
  if not speeds then
    return
  end
  if speeds[1] > 0 then
    result.forward_mode = mode.driving
    result.forward_speed = speeds[1]
  end
  if speeds[2] > 0 then
    result.backward_mode = mode.driving
    result.backward_speed = speeds[2]
  end
  result.name = tostring(way:id()) -- comes back with each place: on which way OSRM put it
end

function process_turn(profile, turn)
  turn.duration = 0
  turn.weight = 0
end

return {
  setup = setup,
  process_way = process_way,
  process_node = process_node,
  process_turn = process_turn,
}
