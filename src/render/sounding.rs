//! The sound of a file, on a thread of its own: copied, found where it was kept, or mixed and encoded.

use std::sync::mpsc::SyncSender;

use super::{
    RenderError,
    ahead::thread_cpu,
    copied::CopiedSound,
    encoding,
    headroom::{Block, Headroom},
    mixer::Mixer,
    prepare::Ready,
    shared::Shared,
    shelf::Shelf,
};
use crate::{
    domain::output::Output,
    media::{AudioEncoder, Encoded, Parcel, SoundTrack},
};

/// The most of a sound that is kept, bytes: some hours.
const MOST_KEPT: usize = 128 << 20;

/// Where a file's sound comes from.
pub enum Sound {
    None,
    /// A source's own packets.
    Copied(CopiedSound),
    Mixed(Box<Mixing>),
}

/// A mix, and what encodes it.
pub struct Mixing {
    mixer: Mixer,
    /// Where the encoder loses something.
    headroom: Option<Headroom>,
    encoder: AudioEncoder,
}

impl Sound {
    /// The sound, and what the file says of it. `beside_copies`: of a file whose picture is copied, where encoding the sound would
    /// be most of the work.
    pub fn of(ready: &Ready, output: &Output, beside_copies: bool) -> Result<(Self, Option<SoundTrack>), RenderError> {
        let settings = encoding::audio(output).filter(|_| output.format.has_sound());
        let Some((mixer, settings)) = Mixer::new(ready).zip(settings) else { return Ok((Sound::None, None)) };
        if let Some((sound, track)) = beside_copies.then(|| CopiedSound::find(ready, output)).flatten() {
            return Ok((Sound::Copied(sound), Some(track)));
        }
        let encoder = AudioEncoder::open(&settings).map_err(RenderError::whole)?;
        let track = encoder.track();
        let headroom = (!settings.is_lossless()).then(|| Headroom::new(settings, encoder.block()));
        Ok((Sound::Mixed(Box::new(Mixing { mixer, headroom, encoder })), Some(track)))
    }

    pub fn is_there(&self) -> bool {
        !matches!(self, Sound::None)
    }

    /// Sends its packets; what is mixed is kept under a key, or was.
    pub fn send(
        &mut self,
        kept: Option<(&str, &Shelf)>,
        shared: &Shared,
        packets: SyncSender<Encoded>,
    ) -> Result<(), RenderError> {
        match self {
            Sound::None => Ok(()),
            Sound::Copied(sound) => sound.read(&mut |packet| packets.send(packet).is_ok()).map_err(RenderError::whole),
            Sound::Mixed(mixing) => match kept {
                Some((key, shelf)) => kept_or_mixed(key, shelf, mixing, shared, &packets),
                None => mixing.run(shared, &mut |packet| packets.send(packet).is_ok()),
            },
        }
    }
}

fn kept_or_mixed(
    key: &str,
    shelf: &Shelf,
    mixing: &mut Mixing,
    shared: &Shared,
    packets: &SyncSender<Encoded>,
) -> Result<(), RenderError> {
    let head = mixing.encoder.head();
    if let Some(parcel) = shelf.take(key, &head) {
        // Who no longer takes them has failed.
        let _ = parcel.packets.into_iter().try_for_each(|packet| packets.send(packet));
        return Ok(());
    }
    let (mut all, mut bytes, mut told) = (Vec::new(), 0, true);
    mixing.run(shared, &mut |packet| {
        bytes += packet.size();
        if bytes <= MOST_KEPT {
            all.push(packet.clone());
        } else {
            all = Vec::new();
        }
        told = packets.send(packet).is_ok();
        told
    })?;
    if told && bytes <= MOST_KEPT && !shared.has_failed() {
        shelf.put(key, &Parcel { head, packets: all });
    }
    Ok(())
}

impl Mixing {
    /// Mixes and encodes; `take` is given each packet, and says whether to go on.
    fn run(&mut self, shared: &Shared, take: &mut dyn FnMut(Encoded) -> bool) -> Result<(), RenderError> {
        let size = self.encoder.block();
        loop {
            let before = thread_cpu();
            let mut block = Block { left: vec![0.0; size], right: vec![0.0; size], untried: true };
            let count = self.mixer.mix(&mut block.left, &mut block.right, &|| shared.goes_on())?;
            shared.add_composing(thread_cpu().saturating_sub(before));
            block.left.truncate(count);
            block.right.truncate(count);
            let last = count < size || shared.has_failed();
            let encoded = self.encode(block, last)?;
            if !encoded.into_iter().all(&mut *take) || last {
                return Ok(());
            }
        }
    }

    fn encode(&mut self, block: Block, last: bool) -> Result<Vec<Encoded>, RenderError> {
        let mut blocks = Vec::new();
        match &mut self.headroom {
            _ if block.left.is_empty() => {}
            Some(headroom) => blocks.extend(headroom.push(block)),
            None => blocks.push(block),
        }
        if last && let Some(headroom) = self.headroom.take() {
            blocks.extend(headroom.finish());
        }
        let mut encoded = Vec::new();
        for Block { left, right, .. } in blocks {
            encoded.extend(self.encoder.encode(&left, &right).map_err(RenderError::whole)?);
        }
        if last {
            encoded.extend(self.encoder.finish().map_err(RenderError::whole)?);
        }
        Ok(encoded)
    }
}
