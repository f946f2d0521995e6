//! The fields that several types of element have, each written once. The derive needs them in the type's own block, so they
//! are macros around it, one within the other: what all have, what visible ones have, what words have.

/// An element's type: the fields that all have, those that visible ones or playing ones have, and its own.
macro_rules! element_object {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        pub struct $name { row: Row }

        #[Object]
        impl $name {
            /// Its id, el_…
            pub async fn id(&self) -> ID {
                self.row.id().into()
            }

            /// The job that it belongs to.
            #[graphql(complexity = "200 * child_complexity + 1")]
            async fn job(&self, context: &Context<'_>) -> Result<Job> {
                let id = &self.row.row.job_id;
                let row = loaders(context)?.job(id).await?;
                row.map(Job).ok_or_else(|| failed(Error::NotFound { what: "job", id: id.clone() }))
            }

            /// Its kind.
            #[graphql(name = "type")]
            async fn element_type(&self) -> ElementType {
                self.row.kind.into()
            }

            /// For people.
            async fn name(&self) -> Option<String> {
                self.row.timing.name.clone()
            }

            /// Unique and dense within its job, from 0.
            async fn position(&self) -> i32 {
                self.row.position()
            }

            /// Higher ones lie on top.
            async fn track(&self) -> i32 {
                self.row.timing.track.unwrap_or(self.row.position())
            }

            /// Seconds; of one that follows another, known once their media are, and 0 before.
            async fn start(&self) -> f64 {
                self.row.start()
            }

            /// Seconds; null: as long as its media, or to the end.
            async fn length(&self) -> Option<f64> {
                self.row.timing.length
            }

            /// Where its work stands.
            async fn status(&self) -> ElementStatus {
                // The table's check admits no other word.
                composition::ElementStatus::parse(&self.row.row.status).unwrap_or(composition::ElementStatus::Pending).into()
            }

            /// 0–100.
            async fn progress(&self) -> f64 {
                self.row.row.progress
            }

            /// Why it failed.
            async fn error(&self) -> Option<String> {
                self.row.row.error.clone()
            }

            /// Its file on the worker. For WORKER and ADMIN.
            async fn local_path(&self, context: &Context<'_>) -> Result<Option<String>> {
                let may = session(context)?.caller().may_act_as(Role::Worker);
                Ok(self.row.row.local_path.clone().filter(|_| may))
            }

            /// Its processed file there. For WORKER and ADMIN.
            async fn processed_path(&self, context: &Context<'_>) -> Result<Option<String>> {
                let may = session(context)?.caller().may_act_as(Role::Worker);
                Ok(self.row.row.processed_path.clone().filter(|_| may))
            }

            /// What its source was found to hold.
            async fn media(&self) -> Option<MediaInfo> {
                let info: Option<media::MediaInfo> = self.row.media().cloned().and_then(|media| serde_json::from_value(media).ok());
                info.map(MediaInfo::from)
            }

            /// What the client keeps with it.
            async fn metadata(&self) -> serde_json::Value {
                self.row.timing.metadata.clone()
            }

            /// When it was added.
            async fn created_at(&self) -> DateTime {
                DateTime(Timestamp(self.row.row.created_at))
            }

            /// When it changed last.
            async fn updated_at(&self) -> DateTime {
                DateTime(Timestamp(self.row.row.updated_at))
            }

            $($own)*
        }
    };
}

/// The fields of visible elements and of playing ones, spelled out once; the derive needs them in the type's own block.
macro_rules! visible_object {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        element_object! { $(#[$doc])* $name {
    /// Where its anchor lies, from the left.
    async fn x(&self) -> Result<Length> {
        Ok(Length(self.row.visual()?.x))
    }

    /// Where its anchor lies, from the top.
    async fn y(&self) -> Result<Length> {
        Ok(Length(self.row.visual()?.y))
    }

    /// Of its box.
    async fn width(&self) -> Result<Length> {
        Ok(Length(self.row.visual()?.width))
    }

    /// Of its box.
    async fn height(&self) -> Result<Length> {
        Ok(Length(self.row.visual()?.height))
    }

    /// The point of its box that lies at x and y.
    async fn anchor(&self) -> Result<Anchor> {
        Ok(self.row.visual()?.anchor.into())
    }

    /// How it fills its box.
    async fn fit(&self) -> Result<Fit> {
        Ok(self.row.visual()?.fit.into())
    }

    /// 0…1.
    async fn opacity(&self) -> Result<f64> {
        Ok(self.row.visual()?.opacity)
    }

    /// Degrees clockwise, about the anchor.
    async fn rotation(&self) -> Result<f64> {
        Ok(self.row.visual()?.rotation)
    }

    /// Left becomes right.
    async fn flip_x(&self) -> Result<bool> {
        Ok(self.row.visual()?.flip_x)
    }

    /// Up becomes down.
    async fn flip_y(&self) -> Result<bool> {
        Ok(self.row.visual()?.flip_y)
    }

    /// Of the picture's corners.
    async fn corner_radius(&self) -> Result<Length> {
        Ok(Length(self.row.visual()?.corner_radius))
    }

    /// What is cut off the source.
    async fn crop(&self) -> Result<Crop> {
        Ok(self.row.visual()?.crop.into())
    }

    /// What moves while it shows.
    async fn keyframes(&self) -> Result<Vec<Keyframe>> {
        Ok(self.row.visual()?.keyframes.iter().copied().map(Into::into).collect())
    }

    /// In the order in which they are done.
    async fn effects(&self) -> Result<Vec<Effect>> {
        Ok(self.row.visual()?.effects.iter().cloned().map(Into::into).collect())
    }

    /// How it comes.
    async fn transition_in(&self) -> Result<Option<Transition>> {
        Ok(self.row.visual()?.transition_in.map(Transition::from))
    }

    /// How it goes.
    async fn transition_out(&self) -> Result<Option<Transition>> {
        Ok(self.row.visual()?.transition_out.map(Transition::from))
    }

            $($own)*
        } }
    };
}

/// The fields of words, likewise.
macro_rules! styled_object {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        visible_object! { $(#[$doc])* $name {
    /// The font's family; of a font's file, Inter.
    async fn font_family(&self) -> Result<&str> {
        Ok(&self.row.style()?.family)
    }

    /// The upload that holds the font, in place of a family.
    async fn font_asset(&self) -> Result<Option<ID>> {
        Ok(match &self.row.style()?.font {
            Some(composition::Source::Asset(id)) => Some(id.as_str().into()),
            _ => None,
        })
    }

    /// The font's size.
    async fn font_size(&self) -> Result<Length> {
        Ok(Length(self.row.style()?.font_size))
    }

    /// 100…900.
    async fn weight(&self) -> Result<i32> {
        Ok(self.row.style()?.weight.into())
    }

    /// Slanted.
    async fn italic(&self) -> Result<bool> {
        Ok(self.row.style()?.italic)
    }

    /// The words' colour.
    async fn color(&self) -> Result<Color> {
        Ok(Color(self.row.style()?.color))
    }

    /// How lines lie in the box.
    async fn align(&self) -> Result<TextAlign> {
        Ok(self.row.style()?.align.into())
    }

    /// How the lines together lie in the box.
    async fn vertical_align(&self) -> Result<VerticalAlign> {
        Ok(self.row.style()?.vertical_align.into())
    }

    /// A factor of the font's size.
    async fn line_height(&self) -> Result<f64> {
        Ok(self.row.style()?.line_height)
    }

    /// The box behind the words.
    async fn background(&self) -> Result<Option<TextBackground>> {
        Ok(self.row.style()?.background.map(Into::into))
    }

    /// The outline.
    async fn stroke(&self) -> Result<Option<Stroke>> {
        Ok(self.row.style()?.stroke.map(Into::into))
    }

    /// The soft copy below the words.
    async fn shadow(&self) -> Result<Option<Shadow>> {
        Ok(self.row.style()?.shadow.map(Into::into))
    }

    /// Beyond what the font has between letters.
    async fn letter_spacing(&self) -> Result<Option<Length>> {
        Ok(self.row.style()?.letter_spacing.map(Length))
    }

    /// What does not fit into them ends in an ellipsis.
    async fn max_lines(&self) -> Result<Option<i32>> {
        Ok(self.row.style()?.max_lines.map(|lines| lines as i32))
    }

            $($own)*
        } }
    };
}

/// The fields of what plays, likewise: of clips, which are visible too, and of sounds.
macro_rules! playing_object {
    ($around:ident; $(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        $around! { $(#[$doc])* $name {
    /// Its file.
    async fn source(&self) -> Result<MediaSource> {
        Ok((&self.row.playback()?.source).into())
    }

    /// Seconds into the source.
    async fn trim_start(&self) -> Result<f64> {
        Ok(self.row.playback()?.trim_start)
    }

    /// Seconds into the source; null: to its end.
    async fn trim_end(&self) -> Result<Option<f64>> {
        Ok(self.row.playback()?.trim_end)
    }

    /// How fast it plays.
    async fn speed(&self) -> Result<f64> {
        Ok(self.row.playback()?.speed)
    }

    /// Again from its start when it has ended.
    #[graphql(name = "loop")]
    async fn repeat(&self) -> Result<bool> {
        Ok(self.row.playback()?.repeat)
    }

    /// A factor, 0…4.
    async fn volume(&self) -> Result<f64> {
        Ok(self.row.playback()?.volume)
    }

    /// Seconds.
    async fn fade_in(&self) -> Result<f64> {
        Ok(self.row.playback()?.fade_in)
    }

    /// Seconds.
    async fn fade_out(&self) -> Result<f64> {
        Ok(self.row.playback()?.fade_out)
    }

    /// Not heard.
    async fn muted(&self) -> Result<bool> {
        Ok(self.row.playback()?.muted)
    }

            $($own)*
        } }
    };
}
