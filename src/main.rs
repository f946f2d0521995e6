//! The command line.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use reelgraph::{
    app::{App, Duty},
    commands,
    config::Config,
    graphql,
    render::process,
    resident,
    services::database::Database,
    telemetry,
};

/// Answers are made of very many small values, which it allocates faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Makes videos from data: GraphQL in, video out.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and render (the default).
    Serve,
    /// Serve the API only; workers on other nodes render.
    Api,
    /// Render only.
    Worker,
    /// Bring the database's schema up to date.
    Migrate,
    /// Render a document, the JSON of createJob's input, without a server.
    Render {
        /// The document; its sources' urls may be paths of files.
        file: PathBuf,
        /// The file to write.
        #[arg(short, long, default_value = "output.mp4")]
        output: PathBuf,
    },
    /// Print the GraphQL schema.
    Schema,
    /// Print the settings in force, and what is wrong.
    Doctor,
    /// For the service itself.
    #[command(hide = true, name = process::CHILD_ARGUMENT)]
    RenderChild,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    if matches!(command, Command::RenderChild) {
        // Before any runtime: it limits its own memory and threads.
        return process::run_child();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.as_ref()),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("reelgraph: {error}");
    ExitCode::FAILURE
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve => serve(Duty::Everything).await,
        Command::Api => serve(Duty::ApiOnly).await,
        Command::Worker => serve(Duty::WorkOnly).await,
        Command::Migrate => migrate().await,
        Command::Render { file, output } => render(file, output).await,
        Command::Schema => Ok(write!(std::io::stdout(), "{}", graphql::sdl())?),
        Command::Doctor => doctor().await,
        Command::RenderChild => Ok(()),
    }
}

async fn serve(duty: Duty) -> Result<(), Failure> {
    let config = Config::load()?;
    telemetry::start(&config.log)?;
    let app = App::start(&config, duty).await?;
    app.shutdown.on_signals(config.shutdown_grace)?;
    match app.address {
        Some(address) => tracing::info!("the playground is at http://{address}/ and the API at http://{address}/graphql"),
        None => tracing::info!("rendering what the queue has"),
    }
    resident::give_back_code();
    app.ended().await;
    tracing::info!("ended");
    Ok(())
}

async fn migrate() -> Result<(), Failure> {
    let config = Config::load()?;
    std::fs::create_dir_all(&config.data_dir)?;
    let database = Database::open(config.database_url.as_deref(), &config.data_dir, config.transaction_limit).await?;
    println!("the schema of the {:?} database is up to date", database.backend());
    database.close().await;
    Ok(())
}

async fn render(file: PathBuf, output: PathBuf) -> Result<(), Failure> {
    let config = Config::load()?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut told = -1;
    let mut progress = |share: f64| {
        let percent = (share * 100.0) as i32;
        if percent != told {
            told = percent;
            eprint!("\rrendering {percent:3} %");
        }
    };
    let (made, seconds) = commands::render::run(&config, &file, &output, &mut progress).await?;
    eprintln!("\rrendered  100 %");
    let length = made.frames as f64 / made.frame_rate;
    let what = match made.width {
        0 => "sound".to_owned(),
        width => format!("{width}×{}, {} frames", made.height, made.frames),
    };
    println!("{}: {what}, {length:.3} s, in {seconds:.1} s", output.display());
    Ok(())
}

async fn doctor() -> Result<(), Failure> {
    for line in commands::doctor::settings() {
        println!("{line}");
    }
    let config = Config::load()?;
    println!();
    let findings = commands::doctor::examine(&config).await;
    for finding in &findings {
        match &finding.result {
            Ok(found) => println!("ok     {}: {found}", finding.what),
            Err(wrong) => println!("WRONG  {}: {wrong}", finding.what),
        }
    }
    match findings.iter().all(|finding| finding.result.is_ok()) {
        true => Ok(()),
        false => Err("something is wrong, see above".into()),
    }
}
