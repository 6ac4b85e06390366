package postgres

// define is a statement that changes the schema, or a node without rules of its own.
func (a *analysis) define(kind string, o object) {
	switch kind {
	case "CreateStmt":
		a.createTable(o)
	case "AlterTableStmt":
		a.alterTable(o)
	case "DropStmt":
		a.drop(o)
	case "IndexStmt":
		a.index(o)
	case "ViewStmt":
		a.view(o)
	case "TruncateStmt":
		a.truncate(o)
	default:
		a.walk(o)
	}
}

func (a *analysis) definition(relation any, made bool) {
	a.ddl, a.writes = true, true
	o, _ := relation.(object)
	a.touches = append(a.touches, touch{verb: "ddl", name: a.relation(o), made: made})
}

// without refuses a statement that has one of some fields.
func (a *analysis) without(o object, fields ...string) {
	for _, f := range fields {
		if v := o[f]; v != nil && v != "" && v != false {
			a.refuse("%s is not for components", f)
		}
	}
}

func (a *analysis) rest(o object, but ...string) {
next:
	for key, v := range o {
		for _, b := range but {
			if key == b {
				continue next
			}
		}
		a.field(key, v)
	}
}

func (a *analysis) createTable(o object) {
	a.without(o, "inhRelations", "partbound", "partspec", "ofTypename", "options", "tablespacename", "accessMethod")
	a.definition(o["relation"], true)
	a.rest(o, "relation")
}

func (a *analysis) alterTable(o object) {
	if text(o["objtype"]) != "OBJECT_TABLE" {
		a.refuse("ALTER is for tables")
	}
	commands, _ := o["cmds"].([]any)
	for _, c := range commands {
		node, _ := c.(object)
		command, _ := node["AlterTableCmd"].(object)
		if !alterations[text(command["subtype"])] || text(command["behavior"]) == "DROP_CASCADE" {
			a.refuse("this change of a table is not for components")
		}
	}
	a.definition(o["relation"], false)
	a.rest(o, "relation")
}

func (a *analysis) index(o object) {
	a.without(o, "tableSpace", "options", "concurrent", "excludeOpNames")
	a.definition(o["relation"], false)
	a.rest(o, "relation")
}

func (a *analysis) view(o object) {
	a.without(o, "options")
	a.definition(o["view"], true)
	a.rest(o, "view")
}

func (a *analysis) truncate(o object) {
	a.writes = true
	if text(o["behavior"]) == "DROP_CASCADE" || o["restart_seqs"] == true {
		a.refuse("TRUNCATE with CASCADE or RESTART is not for components")
	}
	list, _ := o["relations"].([]any)
	for _, item := range list {
		node, _ := item.(object)
		relation, _ := node["RangeVar"].(object)
		a.add("delete", a.relation(relation), "")
	}
}

func (a *analysis) drop(o object) {
	a.ddl, a.writes = true, true
	kind := text(o["removeType"])
	if kind != "OBJECT_TABLE" && kind != "OBJECT_VIEW" && kind != "OBJECT_INDEX" || text(o["behavior"]) == "DROP_CASCADE" || o["concurrent"] == true {
		a.refuse("this DROP is not for components")
	}
	list, _ := o["objects"].([]any)
	for _, item := range list {
		node, _ := item.(object)
		names, _ := node["List"].(object)
		parts := strings_(names["items"])
		t := touch{verb: "ddl", index: kind == "OBJECT_INDEX"}
		switch len(parts) {
		case 1:
			t.name = a.name("", parts[0])
		case 2:
			t.name = a.name(parts[0], parts[1])
		default:
			a.refuse("a name of a database is not for components")
		}
		a.touches = append(a.touches, t)
	}
}
