%% counter_peer: a counter as an Erlang programmer would serve it, for comparison with peeperd.
%%
%% An acceptor, one process per connection, one gen_server per counter. A connection's process makes one
%% gen_server:call per frame and answers it with one gen_tcp:send. Frames are {packet, 4}; see packet4.c.
-module(counter_peer).
-behaviour(gen_server).
-export([main/0, supervised/1, init/1, handle_call/3, handle_cast/2]).

%% erl -noinput -s counter_peer main: serves on a free port of 127.0.0.1 and says on which.
main() ->
    spawn(fun listen/0).

listen() ->
    logger:set_primary_config(level, none),
    ets:new(counters, [named_table, public, {read_concurrency, true}]),
    {ok, _} = supervisor:start_link({local, peer_sup}, ?MODULE, supervisor),
    {ok, Listener} = gen_tcp:listen(0, [binary, {ip, {127, 0, 0, 1}}, {packet, 4}, {active, false},
                                        {nodelay, true}, {reuseaddr, true}, {backlog, 1024}]),
    {ok, Port} = inet:port(Listener),
    io:format("ready tcp=127.0.0.1:~b~n", [Port]),
    accept(Listener).

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(fun() -> receive go -> connection(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listener).

connection(Socket) ->
    ok = inet:setopts(Socket, [{active, true}]),
    serve(Socket).

serve(Socket) ->
    receive
        {tcp, Socket, <<Op:8, Key:32>>} ->
            {Status, Value} = run(Op, Key),
            ok = gen_tcp:send(Socket, <<Status:8, Value:64>>),
            serve(Socket);
        {tcp_closed, Socket} -> ok;
        {tcp_error, Socket, _} -> ok
    end.

run(0, Key) -> call(Key, inc);
run(1, Key) -> call(Key, get);
run(2, Key) ->
    {ok, Pid} = gen_server:start(?MODULE, Key, []),
    ets:insert(counters, {Key, Pid}),
    {0, 0};
run(3, Key) ->
    {ok, _} = supervisor:start_child(peer_sup, [Key]),
    {0, 0};
run(4, Key) ->
    [{_, Pid}] = ets:lookup(counters, Key),
    try gen_server:call(Pid, raise) of
        _ -> {2, 0}
    catch
        exit:_ -> {1, 0}
    end.

%% Between a crash and the restart the table still holds the old pid: ask again until the supervisor was there.
call(Key, What) ->
    [{_, Pid}] = ets:lookup(counters, Key),
    try
        {0, gen_server:call(Pid, What)}
    catch
        exit:{noproc, _} ->
            erlang:yield(),
            call(Key, What)
    end.

supervised(Key) ->
    gen_server:start_link(?MODULE, {supervised, Key}, []).

init(supervisor) ->
    {ok, {#{strategy => simple_one_for_one, intensity => 1000000, period => 1},
          [#{id => counter, start => {?MODULE, supervised, []}, restart => permanent}]}};
init({supervised, Key}) ->
    ets:insert(counters, {Key, self()}),
    {ok, 0};
init(_) ->
    {ok, 0}.

handle_call(inc, _, Count) -> {reply, Count + 1, Count + 1};
handle_call(get, _, Count) -> {reply, Count, Count};
handle_call(raise, _, _) -> error(boom).

handle_cast(_, Count) -> {noreply, Count}.
