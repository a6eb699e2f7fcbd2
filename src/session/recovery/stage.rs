//! What others see of a session's recovery, and what a person may ask of it. Pure.

/// What a session does about its source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// The first one is looked for.
    #[default]
    Opening,
    /// One is on air.
    OnAir,
    /// One is on air, and a person has asked for another.
    Asked,
    /// It was lost, and another one is looked for.
    Recovering,
}

/// Why a person who asks for another source does not get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRecovery {
    /// Nobody watches the channel. The seed's `ErrSessionNotFound`.
    #[error("shared session not found")]
    NotFound,
    /// Another source is looked for already. The seed's `ErrSessionRecoveryAlreadyPending`.
    #[error("shared session manual recovery is already pending")]
    Pending,
}

impl Stage {
    /// A person asks for another source.
    ///
    /// # Errors
    /// When one is looked for already.
    pub fn ask(self) -> Result<Self, NoRecovery> {
        match self {
            Self::OnAir => Ok(Self::Asked),
            Self::Opening | Self::Asked | Self::Recovering => Err(NoRecovery::Pending),
        }
    }

    /// Whether another source is looked for, or soon will be.
    pub fn is_recovering(self) -> bool {
        matches!(self, Self::Asked | Self::Recovering)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(Stage::Opening, Err(NoRecovery::Pending), false)]
    #[case(Stage::OnAir, Ok(Stage::Asked), false)]
    #[case(Stage::Asked, Err(NoRecovery::Pending), true)]
    #[case(Stage::Recovering, Err(NoRecovery::Pending), true)]
    fn asking(#[case] stage: Stage, #[case] then: Result<Stage, NoRecovery>, #[case] recovering: bool) {
        assert_eq!((stage.ask(), stage.is_recovering()), (then, recovering));
    }
}
