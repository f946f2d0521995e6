//! Templates and the jobs that are made of them.

use serde_json::{Value, json};

use crate::server::{Server, on_both};

const CREATE: &str = "mutation($input: TemplateInput!) { createTemplate(input: $input) { id name variables { name type required default } document } }";
const RENDER: &str = "mutation($id: ID!, $v: JSON!, $o: CreateJobOverrides) { renderTemplate(id: $id, variables: $v, overrides: $o) {
    id name status priority metadata outputs { width } elements { ... on TextElement { text fontSize color length } ... on ImageElement { source { url } } } } }";

/// A change that makes a template wrong, and where.
type Case<'a> = (&'a dyn Fn(&mut Value), &'a str);

fn variable(name: &str, kind: &str) -> Value {
    json!({ "name": name, "type": kind })
}

fn greeting() -> Value {
    json!({
        "name": "Greeting", "description": "for all",
        "variables": [
            { "name": "who", "type": "TEXT", "required": true }, { "name": "size", "type": "NUMBER", "default": 40 },
            { "name": "tint", "type": "COLOR", "default": "red" }, { "name": "logo", "type": "SOURCE", "default": { "url": "https://example.com/a.png" } },
            { "name": "draft", "type": "BOOLEAN", "default": false }, variable("tags", "LIST"),
        ],
        "document": {
            "name": "For {{who}}", "submit": "{{draft}}", "outputs": { "width": 320, "height": 180, "duration": 2 }, "metadata": { "tags": "{{tags}}" },
            "elements": [
                { "text": { "text": "Hello, {{ who }}!", "fontSize": "{{size}}", "color": "{{tint}}", "length": 2 } },
                { "image": { "source": "{{logo}}", "length": 1 } },
            ],
        },
    })
}

async fn make(server: &Server, input: Value) -> Value {
    server.api.ask(CREATE, json!({ "input": input })).await["createTemplate"].take()
}

on_both! {
    async fn a_template_filled_with_values_is_a_job(server: Server) {
        let made = make(&server, greeting()).await;
        assert_eq!(made["document"], greeting()["document"]);
        let values = json!({ "who": "{{size}} \"O'Neill\"", "tags": ["a", 1], "size": 20 });
        let job = server.api.ask(RENDER, json!({ "id": made["id"], "v": values })).await["renderTemplate"].take();
        assert_eq!((job["name"].as_str(), job["status"].as_str()), (Some("For {{size}} \"O'Neill\""), Some("DRAFT")));
        assert_eq!(job["metadata"], json!({ "tags": ["a", 1] }));
        assert_eq!(job["elements"][0], json!({ "text": "Hello, {{size}} \"O'Neill\"!", "fontSize": 20.0, "color": "#ff0000", "length": 2.0 }));
        assert_eq!(job["elements"][1]["source"]["url"], "https://example.com/a.png");
        let overrides = json!({ "name": "Mine", "priority": 7, "outputs": [{ "width": 64, "height": 64, "duration": 2 }], "metadata": { "a": 1 } });
        let values = json!({ "who": "x", "logo": { "url": "https://example.com/b.png" }, "tint": "#00f" });
        let job = server.api.ask(RENDER, json!({ "id": made["id"], "v": values, "o": overrides })).await["renderTemplate"].take();
        assert_eq!((&job["name"], &job["priority"], &job["outputs"], &job["metadata"]), (&json!("Mine"), &json!(7), &json!([{ "width": 64 }]), &json!({ "a": 1 })));
    }

    async fn a_wrong_or_missing_variable_is_named(server: Server) {
        let made = make(&server, greeting()).await;
        for (values, path) in [
            (json!({}), "variables.who"), (json!({ "who": 3 }), "variables.who"), (json!({ "who": null }), "variables.who"),
            (json!({ "who": "x", "size": "big" }), "variables.size"), (json!({ "who": "x", "tint": "reddish" }), "variables.tint"),
            (json!({ "who": "x", "logo": "a.png" }), "variables.logo"), (json!({ "who": "x", "draft": "yes" }), "variables.draft"),
            (json!({ "who": "x", "tags": {} }), "variables.tags"), (json!({ "who": "x", "whom": 1 }), "variables.whom"),
            (json!([1]), "variables"), (json!({ "who": "x", "size": 1e9 }), "document.elements[0].text.fontSize"),
            (json!({ "who": "x", "logo": { "url": "file:///etc/passwd" } }), "document.elements[1].image.source.url"),
            (json!({ "who": "x".repeat(70_000) }), "variables.who"),
        ] {
            let refused = server.api.refused(RENDER, json!({ "id": made["id"], "v": values })).await;
            assert_eq!((refused["code"].as_str(), refused["violations"][0]["path"].as_str()), (Some("BAD_USER_INPUT"), Some(path)), "{values}: {refused:#}");
        }
        assert_eq!(server.api.ask("{ jobs { totalCount } }", json!({})).await["jobs"]["totalCount"], 0);
    }

    async fn a_template_that_could_be_no_job_is_refused(server: Server) {
        let with = |change: &dyn Fn(&mut Value)| {
            let mut input = greeting();
            change(&mut input);
            json!({ "input": input })
        };
        let cases: [Case; 9] = [
            (&|t| t["document"]["elements"][0]["text"]["text"] = json!("{{whom}}"), "input.document.elements[0].text.text"),
            (&|t| t["document"]["elements"][0]["text"]["fontSize"] = json!("{{tint}}"), "input.document.elements[0].text.fontSize"),
            (&|t| t["document"]["elements"][0]["text"]["colour"] = json!("red"), "input.document.elements[0].text"),
            (&|t| t["document"] = json!([]), "input.document"), (&|t| t["name"] = json!(" "), "input.name"),
            (&|t| t["variables"][1]["default"] = json!("x"), "input.variables[1].default"), (&|t| t["variables"][0]["default"] = json!(1), "input.variables[0].default"),
            (&|t| t["variables"][1]["name"] = json!("who"), "input.variables[1].name"), (&|t| t["variables"][1]["name"] = json!("1 a"), "input.variables[1].name"),
        ];
        for (change, path) in cases {
            let refused = server.api.refused(CREATE, with(change)).await;
            assert_eq!(refused["violations"][0]["path"], path, "{refused:#}");
        }
    }

    async fn a_required_variable_may_stand_anywhere(server: Server) {
        let variables = json!([
            { "name": "photo", "type": "TEXT", "required": true }, { "name": "width", "type": "NUMBER", "required": true },
            { "name": "quality", "type": "TEXT", "required": true }, { "name": "all", "type": "LIST", "required": true },
        ]);
        let document = json!({
            "outputs": { "width": "{{width}}", "height": 180, "quality": "{{quality}}" }, "metadata": { "all": "{{all}}" },
            "elements": [{ "image": { "source": { "url": "{{photo}}" }, "length": 1 } }], "submit": false,
        });
        let made = make(&server, json!({ "name": "t", "variables": variables, "document": document })).await;
        let good = json!({ "photo": "https://example.com/a.png", "width": 320, "quality": "HIGH", "all": [1] });
        let job = server.api.ask(RENDER, json!({ "id": made["id"], "v": good })).await["renderTemplate"].take();
        assert_eq!((&job["outputs"][0]["width"], &job["metadata"]), (&json!(320), &json!({ "all": [1] })));
        for (name, value, path) in [("width", json!(3), "document.outputs[0].width"), ("photo", json!("x"), "document.elements[0].image.source.url"), ("quality", json!("BEST"), "document.outputs.quality")] {
            let mut values = good.clone();
            values[name] = value;
            let refused = server.api.refused(RENDER, json!({ "id": made["id"], "v": values })).await;
            let found = refused["violations"][0]["path"].as_str().unwrap().replace("[0]", "");
            assert_eq!(found, path.replace("[0]", ""), "{refused:#}");
        }
    }

    async fn templates_are_listed_changed_and_removed(server: Server) {
        let api = &server.api;
        let first = make(&server, greeting()).await;
        let twice = api.refused(CREATE, json!({ "input": greeting() })).await;
        assert_eq!((twice["code"].as_str(), twice["constraint"].as_str()), (Some("CONSTRAINT_VIOLATION"), Some("templates_name_unique")));
        assert!(twice["suggestion"].as_str().unwrap().contains("another name"));
        let mut second = greeting();
        second["name"] = json!("Second");
        let second = make(&server, second).await;
        let list = api.ask("{ templates(first: 1) { edges { node { name } } pageInfo { hasNextPage endCursor } } }", json!({})).await;
        assert_eq!(list["templates"]["edges"], json!([{ "node": { "name": "Second" } }]));
        let rest = api.ask(&format!("{{ templates(after: {}) {{ edges {{ node {{ name }} }} }} }}", list["templates"]["pageInfo"]["endCursor"]), json!({})).await;
        assert_eq!(rest["templates"]["edges"], json!([{ "node": { "name": "Greeting" } }]));
        let update = "mutation($id: ID!, $input: TemplateInput!) { updateTemplate(id: $id, input: $input) { id name variables { name } updatedAt createdAt } }";
        let input = json!({ "name": "Plain", "document": { "submit": false } });
        let updated = api.ask(update, json!({ "id": first["id"], "input": input })).await["updateTemplate"].take();
        assert_eq!((&updated["name"], &updated["variables"], &updated["id"]), (&json!("Plain"), &json!([]), &first["id"]));
        let taken = json!({ "id": first["id"], "input": { "name": "Second", "document": { "submit": false } } });
        assert_eq!(api.refused(update, taken).await["code"], "CONSTRAINT_VIOLATION");
        assert_eq!(api.ask("query($id: ID!) { node(id: $id) { ... on Template { name } } }", json!({ "id": first["id"] })).await["node"]["name"], "Plain");
        api.ask("mutation($id: ID!) { deleteTemplate(id: $id) }", json!({ "id": second["id"] })).await;
        assert_eq!(api.refused("query($id: ID!) { template(id: $id) { id } }", json!({ "id": second["id"] })).await["code"], "NOT_FOUND");
        assert_eq!(api.refused(RENDER, json!({ "id": second["id"], "v": {} })).await["code"], "NOT_FOUND");
    }
}
