//! The workloads on one server: who is connected, and what they do.

use super::generator::Shape;
use crate::results::{WorkloadInfo, workload};

/// Members of one server, who do one thing after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) shape: Shape,
    pub(super) parts: &'static [Part],
    /// A small room of its own talks at a low rate meanwhile, and must not notice.
    pub(super) canary: bool,
    /// Whether it is in the short form too, and how often there.
    pub(super) short_rounds: usize,
    pub(super) full_rounds: usize,
}

/// A workload of the tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) does: Does,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Does {
    /// Being connected; what that costs is measured before any other part.
    Nothing,
    /// So many messages under way in each room.
    Talk { window: usize },
    /// The same, and instructions are counted.
    TalkCounted { window: usize },
    /// Messages at this part of the rate that the server manages at most.
    TalkAtRate { of_saturation: f64 },
}

const fn shape(rooms: usize, members: usize) -> Shape {
    Shape {
        rooms,
        members,
        payload: 32,
        slow: 0,
        first_room: 0,
        lenient: false,
        patience: 20,
    }
}

const fn scenario(shape: Shape, parts: &'static [Part]) -> Scenario {
    Scenario {
        shape,
        parts,
        canary: false,
        short_rounds: 1,
        full_rounds: 5,
    }
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        short_rounds: 3,
        ..scenario(
            shape(100, 10),
            &[Part {
                name: workload::ROOMS_10,
                title: "100 rooms of 10, 1 message in flight in each",
                does: Does::TalkCounted { window: 1 },
            }],
        )
    },
    Scenario {
        short_rounds: 3,
        ..scenario(
            shape(10, 100),
            &[Part {
                name: workload::ROOMS_100,
                title: "10 rooms of 100, 16 messages in flight in each",
                does: Does::TalkCounted { window: 16 },
            }],
        )
    },
    Scenario {
        short_rounds: 2,
        ..scenario(
            shape(1, 5_000),
            &[Part {
                name: workload::ROOM_5000,
                title: "one room of 5,000, 2 messages in flight",
                does: Does::TalkCounted { window: 2 },
            }],
        )
    },
    Scenario {
        full_rounds: 3,
        ..scenario(
            shape(1_500, 10),
            &[
                Part {
                    name: workload::IDLE,
                    title: "15,000 connections in rooms of 10 that say nothing",
                    does: Does::Nothing,
                },
                Part {
                    name: workload::ROOMS_10_MANY,
                    title: "1,500 rooms of 10, 1 message in flight in each",
                    does: Does::Talk { window: 1 },
                },
            ],
        )
    },
    Scenario {
        canary: true,
        short_rounds: 0,
        full_rounds: 3,
        ..scenario(
            shape(1, 15_000),
            &[Part {
                name: workload::ROOM_15000,
                title: "one room of 15,000, 2 messages in flight; beside it a room of 10 with 200 \
                        messages a second",
                does: Does::Talk { window: 2 },
            }],
        )
    },
    Scenario {
        canary: true,
        full_rounds: 3,
        ..scenario(
            shape(1_500, 10),
            &[Part {
                name: workload::JOIN_STORM,
                title: "15,000 join, 64 handshakes at a time; beside them a room of 10 with 200 messages \
                        a second",
                does: Does::Nothing,
            }],
        )
    },
    Scenario {
        full_rounds: 3,
        ..scenario(
            shape(100, 10),
            &[
                Part {
                    name: workload::RATES[0],
                    title: "100 rooms of 10 at a tenth of the peer's own saturation",
                    does: Does::TalkAtRate { of_saturation: 0.1 },
                },
                Part {
                    name: workload::RATES[1],
                    title: "100 rooms of 10 at half of the peer's own saturation",
                    does: Does::TalkAtRate { of_saturation: 0.5 },
                },
                Part {
                    name: workload::RATES[2],
                    title: "100 rooms of 10 at 80 % of the peer's own saturation",
                    does: Does::TalkAtRate { of_saturation: 0.8 },
                },
            ],
        )
    },
    Scenario {
        full_rounds: 3,
        ..scenario(
            Shape {
                slow: 1,
                payload: 16 << 10,
                ..shape(10, 10)
            },
            &[Part {
                name: workload::SLOW_READERS,
                title: "10 rooms of 10 of whom one never reads, messages of 16 KiB, 1 in flight in each; memory is \
                        that after the window",
                does: Does::Talk { window: 1 },
            }],
        )
    },
    Scenario {
        full_rounds: 3,
        ..scenario(
            Shape {
                payload: 1 << 10,
                ..shape(100, 10)
            },
            &[Part {
                name: workload::PAYLOADS[0],
                title: "100 rooms of 10, messages of 1 KiB, 1 in flight in each",
                does: Does::Talk { window: 1 },
            }],
        )
    },
    Scenario {
        full_rounds: 3,
        ..scenario(
            Shape {
                payload: 16 << 10,
                ..shape(100, 10)
            },
            &[Part {
                name: workload::PAYLOADS[1],
                title: "100 rooms of 10, messages of 16 KiB, 1 in flight in each",
                does: Does::Talk { window: 1 },
            }],
        )
    },
];

impl Part {
    pub(super) fn info(&self, shape: &Shape) -> WorkloadInfo {
        WorkloadInfo {
            name: self.name.to_owned(),
            title: self.title.to_owned(),
            connections: shape.connections(),
            rooms: shape.rooms,
            members: shape.members,
            payload: shape.payload,
        }
    }
}

impl Scenario {
    pub(super) fn rounds(&self, full: bool) -> usize {
        if full {
            self.full_rounds
        } else {
            self.short_rounds
        }
    }

    /// Whether one of its workloads is among these.
    pub(super) fn is_named(&self, workloads: &[String]) -> bool {
        let is_named = |part: &Part| workloads.iter().any(|name| name == part.name);
        self.parts.iter().any(is_named)
    }
}
