"""From a report to agencies on scene: SOP, stations, decisions, delivery, clocks."""
