// sideman from SuperCollider: what each method sends is in docs/osc.md, what it is for in Sideman.schelp.

Sideman {
	classvar <>default;
	var <addr, <state, <connected = false, decks;
	var <>latency, <>onError, <>onConnected;
	var receiver, heartbeat, answered = false, handlers, waiting, asked, jobs, lists, syncs, bundle;
	var followed, follower, ticks;

	*initClass {
		StartUp.add {
			Event.addEventType(\sideman, {
				var sideman = ~sideman ? Sideman.default;
				var args = ~args.value;
				if(args.isString) { args = [args] };
				sideman.bind { sideman.send(~address, *args.asArray) };
			});
		}
	}

	*new { |host = "127.0.0.1", port = 9740, latency = 0.2|
		^super.new.init(host, port, latency)
	}

	init { |host, port, seconds|
		addr = NetAddr(host, port);
		latency = seconds;
		state = IdentityDictionary.new;
		handlers = IdentityDictionary.new;
		syncs = IdentityDictionary.new;
		waiting = List.new;
		jobs = List.new;
		lists = List.new;
		onError = { |address, message| "sideman: % %".format(address, message).warn };
	}

	// A server answers pings. When the first answer comes it is asked for all its state, and
	// again when it was away.
	connect {
		if(receiver.notNil) { ^this };
		receiver = { |message, time, from|
			if(from.addr == addr.addr and: { from.port == addr.port }) {
				this.prHear(message[0], message[1..])
			}
		};
		thisProcess.addOSCRecvFunc(receiver);
		this.prBeat;
		heartbeat = SkipJack({ this.prBeat }, 1, clock: AppClock);
		if(default.isNil) { default = this };
	}

	disconnect {
		if(receiver.isNil) { ^this };
		this.unfollow;
		heartbeat.stop;
		thisProcess.removeOSCRecvFunc(receiver);
		receiver = nil;
		addr.sendMsg("/unsubscribe");
		this.prConnected(false);
		if(default === this) { default = nil };
	}

	prBeat {
		if(answered.not) { this.prConnected(false) };
		answered = false;
		addr.sendMsg("/ping");
	}

	prConnected { |now|
		if(connected == now) { ^this };
		connected = now;
		if(now) { addr.sendMsg("/subscribe") } { this.prLost };
		onConnected.value(now);
	}

	prLost {
		var left = [asked] ++ waiting ++ jobs;
		state = IdentityDictionary.new;
		lists = List.new;
		waiting = List.new;
		jobs = List.new;
		asked = nil;
		left.reject(_.isNil).do { |job| this.prFailed(job, "the server is gone") };
	}

	// What comes in

	prHear { |address, values|
		switch(address)
			{ '/pong' } { answered = true; this.prConnected(true) }
			{ '/error' } {
				if(asked.notNil and: { values[0] == '/clip/render' }) {
					this.prRefused(values[1])
				} {
					onError.value(*values)
				}
			}
			{ '/synced' } { syncs.removeAt(values[0]).value }
			{ '/clip/accepted' } { this.prAccepted(*values) }
			{ '/clip/done' } { this.prTakeJob(values[0]) !? { |job| job[\action].value(*values[1..]) } }
			{ '/clip/failed' } { this.prTakeJob(values[0]) !? { |job| this.prFailed(job, values[1]) } }
			{ '/clip/item' } { if(lists.notEmpty) { lists[0][\items].add(values) } }
			{ '/clip/list/end' } { this.prListed };
		state[address] = values;
		handlers[address].do { |action| action.value(*values) };
	}

	// Neither answer to a render names what was asked for, so one is asked at a time.
	prAskNext {
		var job;
		if(asked.notNil or: { waiting.isEmpty }) { ^this };
		asked = job = waiting.removeAt(0);
		this.send("/clip/render", job[\prompt], job[\bars], job[\seed]);
		SystemClock.sched(latency + 2, { if(asked === job) { this.prRefused("no answer") }; nil });
	}

	prAccepted { |id, prompt|
		if(asked.isNil or: { asked[\prompt] != prompt }) { ^this };
		if(jobs.any { |job| job[\id] == id }) { ^this };
		asked[\id] = id;
		jobs.add(asked);
		asked = nil;
		this.prAskNext;
	}

	prRefused { |message|
		var job = asked;
		asked = nil;
		this.prFailed(job, message);
		this.prAskNext;
	}

	prTakeJob { |id|
		var job = jobs.detect { |job| job[\id] == id };
		jobs.remove(job);
		^job
	}

	prFailed { |job, reason|
		if(job[\failed].notNil) { job[\failed].value(reason) } { onError.value('/clip/render', reason) };
	}

	prListed {
		if(lists.notEmpty) {
			lists.removeAt(0).use { ~action.value(~items.asArray) };
		}
	}

	// The last values of an address: one by itself, several as an array, nil if none has come.
	at { |address|
		var values = state[address.asSymbol];
		^if(values.notNil and: { values.size == 1 }) { values[0] } { values }
	}

	// `action` is called with the values whenever they come. Returns it, for `off`.
	on { |address, action|
		var key = address.asSymbol;
		handlers[key] = handlers[key].add(action);
		^action
	}

	off { |address, action|
		var key = address.asSymbol;
		handlers[key] = handlers[key].reject { |each| each === action };
	}

	// What goes out

	// Arguments that are nil are left out.
	send { |address ... values|
		var message = [address.asString] ++ values.reject(_.isNil).collect { |value|
			if(value.isKindOf(Boolean)) { value.binaryValue } { value }
		};
		if(bundle.notNil) { bundle.add(message) } { addr.sendMsg(*message) };
	}

	// All that is sent within `function` takes effect at one instant, `latency` from now: where
	// the notes are heard that a server plays with the same latency.
	bind { |function|
		var outer = bundle, messages = List.new;
		if(outer.notNil) { ^function.value };
		bundle = messages;
		protect { function.value } { bundle = nil };
		if(messages.notEmpty) { addr.sendBundle(latency, *messages) };
	}

	// Within a Routine: go on when all that was sent before has taken effect.
	sync {
		var condition = Condition.new, id = UniqueID.next;
		syncs[id] = { condition.test = true; condition.signal };
		addr.sendMsg("/sync", id);
		condition.wait;
	}

	// Transport

	tempo { ^this.at('/tempo') }
	tempo_ { |bpm| this.send("/tempo", bpm) }
	tap { this.send("/tempo/tap") }
	play { this.send("/play") }
	stop { this.send("/stop") }
	continue { this.send("/continue") }
	panic { this.send("/panic") }
	position { ^this.at('/position') }
	position_ { |beats| this.send("/position", beats) }
	signature { ^this.at('/signature') }
	signature_ { |signature| this.send("/signature", *signature) }
	grid { ^this.at('/grid') }
	grid_ { |grid| this.send("/grid", grid) }
	key { ^this.at('/key') }
	key_ { |key| this.send("/key", key) }
	clock { ^this.at('/clock') }
	clock_ { |source| this.send("/clock", source) }
	record { |on = true| this.send("/record", on) }

	deck { |number = 1| ^SidemanDeck(this, "/deck/" ++ number) }
	slot { |number = 1| ^SidemanSlot(this, "/slot/" ++ number) }
	scene { |number = 1| ^SidemanScene(this, "/scene/" ++ number) }

	// Clips

	// `action` gets the file's name in the clips folder, its seconds, BPM and bars;
	// `failed` the reason.
	render { |prompt, bars = 4, seed = -1, action, failed|
		waiting.add((prompt: prompt.asSymbol, bars: bars, seed: seed, action: action, failed: failed));
		this.prAskNext;
	}

	// `action` gets an array of [file, seconds, BPM, bars].
	clips { |action|
		lists.add((items: List.new, action: action));
		this.send("/clip/list");
	}

	cancel { |id| this.send("/clip/cancel", id) }
	capture { |bars = 4| this.send("/master/capture", bars) }

	// Follow a TempoClock

	// Its tempo, metre and bar lines become sideman's, as long as it is followed.
	follow { |clock|
		this.unfollow;
		followed = clock ? TempoClock.default;
		follower = SimpleController(followed)
			.put(\tempo, { this.prTellTempo })
			.put(\meter, { this.prTellMetre });
		this.clock = \osc;
		this.prTellTempo;
		this.prTellMetre;
		this.bind { this.play; this.prTellPosition };
		ticks = SkipJack({ this.prTellPosition }, 1 / 8, clock: followed);
	}

	unfollow {
		if(followed.isNil) { ^this };
		ticks.stop;
		follower.remove;
		followed = nil;
		this.clock = \internal;
	}

	prTellTempo { this.tempo = followed.tempo * 60 }

	// Beats are quarter notes; a bar of three and a half is 7/8.
	prTellMetre {
		var beats = followed.beatsPerBar;
		var parts = [1, 2, 4, 8].detect { |parts| (beats * parts).frac == 0 } ? 8;
		this.signature = [(beats * parts).round.asInteger, 4 * parts];
	}

	prTellPosition {
		var beats = followed.beats - followed.baseBarBeat;
		beats = beats + (followed.baseBar * followed.beatsPerBar);
		this.bind { this.position = beats };
	}
}

// A part of it: what lies below an address.
SidemanNode {
	var <sideman, <path;

	*new { |sideman, path| ^super.newCopyArgs(sideman, path) }

	at { |name| ^sideman.at(path ++ "/" ++ name) }
	on { |name, action| ^sideman.on(path ++ "/" ++ name, action) }
	off { |name, action| sideman.off(path ++ "/" ++ name, action) }
	send { |name ... values| sideman.send(path ++ "/" ++ name, *values) }
}

// What has a prompt.
SidemanPlace : SidemanNode {
	// One prompt, or prompts with weights: prompt("dub techno", 0.7, "deep house", 0.3).
	// Without, the prompts that it has.
	prompt { |... blend|
		if(blend.isEmpty) { ^this.at("prompt") };
		this.send("prompt", *blend);
	}
	prompt_ { |text| this.send("prompt", text) }
}

SidemanDeck : SidemanPlace {
	play { |grid| this.send("play", grid) }
	stop { |grid| this.send("stop", grid) }
	state { ^this.at("state") }
	lock { ^this.at("lock") }
	morph { ^this.at("morph") }
	morph_ { |beats| this.send("morph", beats) }
	gain { ^this.at("gain") }
	gain_ { |db| this.send("gain", db) }
	level { ^this.at("level") }
	level_ { |level| this.send("level", level) }
	mute { ^this.at("mute") }
	mute_ { |on| this.send("mute", on) }
	solo { ^this.at("solo") }
	solo_ { |on| this.send("solo", on) }
	warp { ^this.at("warp") }
	warp_ { |on| this.send("warp", on) }
	temperature { ^this.at("temperature") }
	temperature_ { |temperature| this.send("temperature", temperature) }
	topK { ^this.at("top_k") }
	topK_ { |count| this.send("top_k", count) }
	guidance { ^this.at("guidance") }
	guidance_ { |guidance| this.send("guidance", guidance) }
	seed { ^this.at("seed") }
	seed_ { |seed| this.send("seed", seed) }
	reset { this.send("reset") }
	hold { |bars = 1| this.send("hold", bars) }
	capture { |bars = 4| this.send("capture", bars) }
	continueFrom { |clip| this.send("continue", clip) }
}

SidemanSlot : SidemanPlace {
	launch { |deck = 1| this.send("launch", deck) }
}

SidemanScene : SidemanNode {
	store { this.send("store") }
	launch { this.send("launch") }
}
